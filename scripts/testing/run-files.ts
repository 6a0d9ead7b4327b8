import { relative } from "node:path";
import type { EventData } from "node:test";
import { run } from "node:test";
import PQueue from "p-queue";

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export interface RunOptions {
  /** Absolute paths. */
  readonly files: readonly string[];
  /** Files at a time. */
  readonly concurrency: number;
  /** Longest time for one file; beyond it the file is ended and has failed. */
  readonly fileTimeoutMs: number;
  readonly say: (line: string) => void;
  /** Failed tests get collected here, to be told once more at the end. */
  readonly failures: string[];
}

/** Runs test files, each in a process of its own, and tells one line per test. */
export async function runFiles({ files, concurrency, ...options }: RunOptions): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  const queue = new PQueue({ concurrency });
  await queue.addAll(files.map((file) => () => runFile(file, options, counts)));
  return counts;
}

async function runFile(
  file: string,
  options: Omit<RunOptions, "files" | "concurrency">,
  counts: Counts,
): Promise<void> {
  const { say, failures, fileTimeoutMs } = options;
  const add = (outcome: keyof Counts, line: string) => {
    counts[outcome] += 1;
    say(line);
    if (outcome === "failed") failures.push(line);
  };
  const onResult = (data: EventData.TestPass | EventData.TestFail, outcome: keyof Counts) => {
    if (data.details.type === "suite" && outcome !== "failed") return;
    if (isParentOfFailure(data)) return;
    add(outcome, describe(data, outcome));
  };
  // The runner's own limit is for each test; a process that does not end after them would hold up the rest for ever.
  const overdue = new AbortController();
  const timer = setTimeout(() => {
    add("failed", `FAILED ${relative(process.cwd(), file)}: did not end within ${fileTimeoutMs / 1000} s`);
    overdue.abort();
  }, fileTimeoutMs);
  const stream = run({ files: [file], signal: overdue.signal });
  stream.on("test:pass", (data) => onResult(data, data.skip || data.todo ? "skipped" : "passed"));
  stream.on("test:fail", (data) => {
    // What was cut off has been told already.
    if (!overdue.signal.aborted) onResult(data, data.todo ? "skipped" : "failed");
  });
  stream.on("test:stdout", (data) => say(indent(data.message)));
  stream.on("test:stderr", (data) => say(indent(data.message)));
  for await (const _ of stream);
  clearTimeout(timer);
}

/** A test that failed only because a test within it did is told by that one. */
function isParentOfFailure(data: EventData.TestPass | EventData.TestFail): boolean {
  const error = "error" in data.details ? data.details.error : undefined;
  return (error as { failureType?: string } | undefined)?.failureType === "subtestsFailed";
}

function describe(data: EventData.TestPass | EventData.TestFail, outcome: keyof Counts): string {
  const mark = { passed: "ok    ", failed: "FAILED", skipped: "skip  " }[outcome];
  const file = data.file === undefined ? "" : `${relative(process.cwd(), data.file)}: `;
  const reason = outcome === "skipped" && typeof data.skip === "string" ? ` (${data.skip})` : "";
  const line = `${mark} ${file}${data.name} (${Math.round(data.details.duration_ms)} ms)${reason}`;
  if (outcome !== "failed" || !("error" in data.details)) return line;
  const error = data.details.error as Error & { cause?: unknown };
  const cause = error.cause ?? error;
  const words = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  return `${line}\n${indent(words)}`;
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, "       ");
}
