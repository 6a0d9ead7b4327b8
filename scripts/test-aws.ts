/**
 * Runs AWS's own clients and runtimes against esb with real workers: test/aws. Arguments select files by parts of their
 * names; with `--complete`, a test that this machine cannot run has failed. The last line counts.
 */
import { glob } from "node:fs/promises";
import { join } from "node:path";
import { takeSnapshot } from "../test/support/leaks.ts";
import { installPackages, missingPackages, packagesToTestAws, withSystemFolders } from "./machine/packages.ts";
import { leftBehind } from "./testing/left-behind.ts";
import { runFiles } from "./testing/run-files.ts";
import { forgetSettings } from "./testing/settings.ts";

const root = join(import.meta.dirname, "..");
/** The first run fetches and builds everything. */
const fileTimeoutMs = 20 * 60_000;
const say = (line: string) => console.log(line);

process.env.PATH = withSystemFolders(process.env.PATH);
try {
  const args = process.argv.slice(2);
  await main(
    args.filter((arg) => arg !== "--complete"),
    args.includes("--complete"),
  );
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

async function main(parts: readonly string[], complete: boolean): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error("These tests make containers and networks: run them as root.");
  forgetSettings();
  installPackages(missingPackages(packagesToTestAws), say);
  const files: string[] = [];
  for await (const file of glob("test/aws/**/*.test.ts", { cwd: root })) {
    if (parts.length === 0 || parts.some((part) => file.includes(part))) files.push(join(root, file));
  }
  if (files.length === 0) throw new Error(`no test file matches ${parts.join(" ")}`);
  const before = await takeSnapshot();
  const failures: string[] = [];
  const counts = await runFiles({ files: files.sort(), concurrency: 1, fileTimeoutMs, say, failures });
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
