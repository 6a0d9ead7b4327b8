/**
 * What has to hold before a change is taken: everything. The second part runs though the first has failed; the last line
 * counts both.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { addCounts, countsOf } from "./testing/counts.ts";
import type { Counts } from "./testing/run-files.ts";

const root = join(import.meta.dirname, "..");
const parts = ["test.ts", "test-deploy.ts"];

const total: Counts = { passed: 0, failed: 0, skipped: 0 };
for (const part of parts) {
  const counts = await run(part);
  addCounts(total, counts);
  if (counts.failed > 0) process.exitCode = 1;
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);

/** Runs a script, and tells what it tells. One that fails without a count of failures has one. */
async function run(script: string): Promise<Counts> {
  const child = spawn(process.execPath, [join(root, "scripts", script)], { stdio: ["inherit", "pipe", "inherit"] });
  const ended = once(child, "close");
  let last = "";
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    if (line !== "") last = line;
  }
  const [code] = await ended;
  return countsOf(last, code === 0);
}
