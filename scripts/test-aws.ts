/**
 * Runs AWS's own clients and runtimes against esb with real workers: test/aws. Arguments select files by parts of their
 * names; with `--complete`, a test that this machine cannot run has failed. The last line counts.
 */
import { installPackages, missingPackages, packagesToTestAws, withSystemFolders } from "./machine/packages.ts";
import { leftBehind } from "./testing/left-behind.ts";
import { runPart } from "./testing/run-part.ts";
import { forgetSettings } from "./testing/settings.ts";

/** The first run fetches and builds everything. */
const fileTimeoutMs = 30 * 60_000;
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
  await runPart({
    pattern: "test/aws/**/*.test.ts",
    names: parts,
    concurrency: 2,
    fileTimeoutMs,
    leftBehind,
    complete,
  });
}
