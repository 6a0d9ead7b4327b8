import { glob } from "node:fs/promises";
import { join } from "node:path";
import { type Snapshot, takeSnapshot } from "../../test/support/leaks.ts";
import { runFiles } from "./run-files.ts";

const root = join(import.meta.dirname, "../..");
const say = (line: string) => console.log(line);

export interface PartOptions {
  /** The part's files, from the project's folder. */
  readonly pattern: string;
  /** Parts of file names, any of which selects a file; none selects all. */
  readonly names: readonly string[];
  /** Files at a time. */
  readonly concurrency: number;
  readonly fileTimeoutMs: number;
  /** What is on the machine that was not there before, and is the tests' own. */
  readonly leftBehind: (before: Snapshot) => Promise<readonly string[]>;
  /** Whether what this machine cannot run has failed. */
  readonly complete: boolean;
}

/** Runs the files of a part of the tests. The last line counts. @throws Error when none matches */
export async function runPart({ pattern, names, leftBehind, complete, ...how }: PartOptions): Promise<void> {
  const files: string[] = [];
  for await (const file of glob(pattern, { cwd: root })) {
    if (names.length === 0 || names.some((name) => file.includes(name))) files.push(join(root, file));
  }
  if (files.length === 0) throw new Error(`no test file matches ${names.join(" ")}`);
  const before = await takeSnapshot();
  const failures: string[] = [];
  const counts = await runFiles({ ...how, files: files.sort(), say, failures });
  const left = await leftBehind(before);
  if (left.length > 0) failures.push(`FAILED leak check: the tests left behind\n  ${left.join("\n  ")}`);
  if (complete && counts.skipped > 0) failures.push(`FAILED ${counts.skipped} tests were skipped`);
  if (failures.length > 0) {
    say(`\n== failed\n${failures.join("\n")}`);
    process.exitCode = 1;
  }
  const leaks = left.length === 0 ? "nothing was left behind" : "something was left behind";
  say(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped; ${leaks}`);
}
