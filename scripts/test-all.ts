/**
 * `npm test`: everything that has to hold before a change is taken. Each part runs though one before it has failed; the
 * last line counts all. With `--complete`, as CI runs it, what this machine cannot run has failed.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { addCounts, countsOf } from "./testing/counts.ts";
import type { Counts } from "./testing/run-files.ts";

const root = join(import.meta.dirname, "..");
const given = process.argv.slice(2);
const unknown = given.filter((argument) => argument !== "--complete");
if (unknown.length > 0) {
  console.error(`npm test takes no ${unknown.join(" ")}; single tests: npm run test:main -- ${unknown.join(" ")}`);
  process.exit(2);
}
const complete = given.length > 0 ? ["--complete"] : [];
const parts = [["test.ts"], ["test-aws.ts", ...complete], ["test-deploy.ts"]] as const;

const total: Counts = { passed: 0, failed: 0, skipped: 0 };
for (const [script, ...args] of parts) {
  const counts = await run(script, args);
  addCounts(total, counts);
  if (counts.failed > 0) process.exitCode = 1;
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);

/** Runs a script, and tells what it tells. One that fails without a count of failures has one. */
async function run(script: string, args: readonly string[]): Promise<Counts> {
  console.log(`\n=== scripts/${script}`);
  const stdio = ["inherit", "pipe", "inherit"] as const;
  const child = spawn(process.execPath, [join(root, "scripts", script), ...args], { stdio: [...stdio] });
  const ended = once(child, "close");
  let last = "";
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    if (line !== "") last = line;
  }
  const [code] = await ended;
  return countsOf(last, code === 0);
}
