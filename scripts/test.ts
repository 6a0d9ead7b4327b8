/**
 * Runs checks, unit tests, integration tests on the real containerd, and whether they left anything behind.
 * Arguments select less: `unit`, `integration`, parts of file names. The last line counts.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Snapshot, takeSnapshot } from "../test/support/leaks.ts";
import { checks } from "./checks/checks.ts";
import { runChecks } from "./checks/run.ts";
import { installPackages, missingPackages, packagesToTest, withSystemFolders } from "./machine/packages.ts";
import { addCounts } from "./testing/counts.ts";
import { leftBehind } from "./testing/left-behind.ts";
import { type Counts, runFiles } from "./testing/run-files.ts";
import { selectTests } from "./testing/select.ts";
import { forgetSettings } from "./testing/settings.ts";

process.env.PATH = withSystemFolders(process.env.PATH);
const root = join(import.meta.dirname, "..");
const say = (line: string) => console.log(line);
/** Integration tests at a time: each file has a containerd, a namespace and subnets of its own, and waits half the time. */
const integrationsAtOnce = 2;
/** What loads the machine by itself, and judges how esb holds out against that. */
const runsAlone = (file: string) => file.startsWith(join(root, "test/chaos/"));
const failures: string[] = [];
const total: Counts = { passed: 0, failed: 0, skipped: 0 };

try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const selection = await selectTests(root, process.argv.slice(2));
  forgetSettings();
  if (selection.integration.length > 0 || selection.all) {
    if (process.getuid?.() !== 0)
      throw new Error("The integration tests make containers and networks: run them as root.");
    installPackages(missingPackages(packagesToTest), say);
  }
  const before = await takeSnapshot();
  if (selection.all) await timed("checks", check);
  const options = { say, failures };
  await timed("unit tests", async () =>
    add(
      await runFiles({
        ...options,
        files: selection.unit,
        concurrency: availableParallelism(),
        fileTimeoutMs: 300_000,
      }),
    ),
  );
  await timed("integration tests", async () => {
    const integration = { ...options, fileTimeoutMs: 900_000 };
    const [alone, together] = [
      selection.integration.filter(runsAlone),
      selection.integration.filter((file) => !runsAlone(file)),
    ];
    add(await runFiles({ ...integration, files: alone, concurrency: 1 }));
    add(await runFiles({ ...integration, files: together, concurrency: integrationsAtOnce }));
  });
  if (selection.integration.length > 0) await timed("leak check", () => checkLeaks(before));

  if (failures.length > 0) say(`\n== failed\n${failures.join("\n")}`);
  if (total.failed > 0) process.exitCode = 1;
  say(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
}

async function timed(title: string, work: () => Promise<void>): Promise<void> {
  const begin = performance.now();
  say(`\n== ${title}`);
  await work();
  say(`== ${title}: ${Math.round((performance.now() - begin) / 1000)} s`);
}

async function check(): Promise<void> {
  for (const { name, finding } of await runChecks(checks, say)) {
    add({ passed: finding === undefined ? 1 : 0, failed: finding === undefined ? 0 : 1, skipped: 0 });
    if (finding !== undefined) failures.push(`FAILED check: ${name}\n${finding}`);
  }
}

async function checkLeaks(before: Snapshot): Promise<void> {
  const found = await leftBehind(before);
  if (found.length === 0) say("ok     nothing was left behind");
  else failures.push(`FAILED leak check: the tests left behind\n  ${found.join("\n  ")}`);
  add({ passed: found.length === 0 ? 1 : 0, failed: found.length === 0 ? 0 : 1, skipped: 0 });
}

function add(counts: Counts): void {
  addCounts(total, counts);
}
