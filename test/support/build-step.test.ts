import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { buildStep } from "./build-step.ts";

test("a build that stalls is ended with all that it began, and run once more", async () => {
  // No other process has this one's.
  const sleep = `sleep ${600 + Math.random()}`;
  await assert.rejects(buildStep("sh", ["-c", `${sleep} & ${sleep}`], { limit: 1 }), /did not end within 1 s, twice/);
  const running = execFileSync("ps", ["-eo", "args"], { encoding: "utf8" });
  assert.ok(!running.includes(sleep), running);
});

test("a build that fails tells how, and with what it printed last; one that does not gives what it printed", async () => {
  const failing = buildStep("sh", ["-c", "echo began; echo no compiler >&2; exit 3"]);
  await assert.rejects(failing, /exit code 3[\s\S]*began[\s\S]*no compiler/);
  assert.equal(await buildStep("sh", ["-c", "echo done"]), "done\n");
});
