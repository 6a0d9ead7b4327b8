import { AgentError } from "./errors.ts";

interface Resource {
  readonly name: string;
  /** As containerd, runc, the shim, CNI plugins, SQLite and Node put it. */
  readonly words: RegExp;
  readonly advice: string;
}

const resources: readonly Resource[] = [
  {
    name: "disk space",
    words: /\b(?:no space left on device|disk quota exceeded|database or disk is full|ENOSPC|EDQUOT)\b/i,
    advice: "make room where this was to be written, in bytes or in inodes",
  },
  {
    name: "file descriptors",
    words: /\b(?:too many open files|EMFILE|ENFILE)\b/i,
    advice: "raise the limit of open files (LimitNOFILE, ulimit -n) of the agent and of containerd",
  },
  {
    name: "processes or threads",
    // EAGAIN alone may be anything; of a call that makes a process or a thread it is the limit.
    words:
      /\b(?:spawn|fork|clone|exec|newosproc|pthread_create|thread)\b.*\b(?:resource temporarily unavailable|EAGAIN)\b/i,
    advice: "raise the limit of processes (TasksMax, pids.max, ulimit -u) of the agent and of containerd",
  },
  {
    name: "memory",
    // A worker's own limit is far above what its start needs: it is the host, or a cgroup above, that was full.
    words: /\b(?:cannot allocate memory|ENOMEM|container init was OOM-killed|errno=12)\b/i,
    advice: "free memory, or lower ESB_MEMORY_PERCENT so that fewer workers are made",
  },
  {
    name: "ports or network buffers",
    words: /\b(?:cannot assign requested address|EADDRNOTAVAIL|no buffer space available|ENOBUFS)\b/i,
    advice: "raise net.ipv4.ip_local_port_range or the kernel's network memory",
  },
];

const longestQuote = 300;

/**
 * An error that means that the machine has run out of something, whoever noticed it, as the one error that says so.
 * @returns undefined for any other error
 */
export function asHostExhausted(error: unknown): AgentError | undefined {
  for (const line of linesOf(error)) {
    const resource = resources.find(({ words }) => words.test(line));
    if (resource === undefined) continue;
    const quote = line.length > longestQuote ? `${line.slice(0, longestQuote)}…` : line;
    const message = `the host has no ${resource.name} left: ${quote}; ${resource.advice}`;
    return new AgentError("HOST_EXHAUSTED", message, { cause: error });
  }
  return undefined;
}

/** What an error says, its causes and parts included, line by line; a Go program that crashes has hundreds. */
function* linesOf(error: unknown, depth = 0): Generator<string, void> {
  if (!(error instanceof Error) || depth > 4) return;
  // A plugin's own standard error comes within JSON, its line ends escaped.
  yield* error.message.split(/\n|\\n/);
  if (error instanceof AggregateError) for (const part of error.errors) yield* linesOf(part, depth + 1);
  yield* linesOf(error.cause, depth + 1);
}
