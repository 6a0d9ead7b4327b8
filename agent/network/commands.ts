import { spawn } from "node:child_process";
import { AgentError } from "../errors.ts";

export interface CommandOptions {
  /** Written to its standard input. */
  readonly input?: string;
  /** Added to PATH, which is all that a command is given otherwise. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Kills the command. */
  readonly signal?: AbortSignal;
}

export interface CommandOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end; a failing exit code is an outcome, not an error.
 * @throws AgentError NETWORK_FAILED when it cannot be run or takes too long; the signal's reason when aborted
 */
export type RunCommand = (file: string, args: readonly string[], options?: CommandOptions) => Promise<CommandOutcome>;

/** Where Debian has the programs that we run. */
const packages: Readonly<Record<string, string>> = {
  ip: "iproute2",
  "iptables-save": "iptables",
  "iptables-restore": "iptables",
};

/**
 * Real processes. Each is killed after `timeoutMs`, since a hung plugin must not hold a worker's start for ever.
 */
export function createCommandRunner(timeoutMs: number): RunCommand {
  return (file, args, options = {}) => {
    const { promise, resolve, reject } = Promise.withResolvers<CommandOutcome>();
    options.signal?.throwIfAborted();
    const child = spawn(file, args, {
      env: { PATH: process.env.PATH, ...options.environment },
      stdio: ["pipe", "pipe", "pipe"],
      timeout: timeoutMs,
      killSignal: "SIGKILL",
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    // A program that ends without reading its input is judged by its exit code.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
    child.once("error", (error: NodeJS.ErrnoException) => {
      reject(options.signal?.aborted === true ? options.signal.reason : cannotRun(file, error));
    });
    child.once("close", (exitCode, killedBy) => {
      if (options.signal?.aborted === true) reject(options.signal.reason);
      else if (exitCode !== null) resolve({ exitCode, stdout, stderr });
      else reject(new AgentError("NETWORK_FAILED", `${file} was ended by ${killedBy}; it may take ${timeoutMs} ms`));
    });
    return promise;
  };
}

function cannotRun(file: string, error: NodeJS.ErrnoException): AgentError {
  const source = packages[file];
  const advice = error.code === "ENOENT" && source !== undefined ? `: it is not installed; apt install ${source}` : "";
  return new AgentError("NETWORK_FAILED", `cannot run ${file}${advice || ` (${error.message})`}`, { cause: error });
}
