import assert from "node:assert/strict";
import { test } from "node:test";
import { createCommandRunner, isNotInstalled } from "./commands.ts";

const run = createCommandRunner(10_000);

test("a command's input, environment, output and exit code", async () => {
  const outcome = await run("sh", ["-c", 'cat; echo "$GIVEN$HOME" >&2; exit 3'], {
    input: "in",
    environment: { GIVEN: "given" },
  });
  assert.deepEqual(outcome, { exitCode: 3, stdout: "in", stderr: "given\n" });
});

test("a command that does not read its input is judged by its exit code", async () => {
  const outcome = await run("true", [], { input: "x".repeat(1_000_000) });
  assert.equal(outcome.exitCode, 0);
});

test("an aborted command ends with the signal's reason", async () => {
  const abort = new AbortController();
  const running = run("sleep", ["60"], { signal: abort.signal });
  abort.abort(new Error("enough"));
  await assert.rejects(running, /enough/);
  await assert.rejects(run("true", [], { signal: abort.signal }), /enough/);
});

test("a command that takes too long is killed, with what it started", async () => {
  const outcome = createCommandRunner(20)("sh", ["-c", "sleep 60; true"]);
  await assert.rejects(outcome, { code: "NETWORK_FAILED", message: /took longer than 20 ms/ });
});

test("a program that is not there is named, with its package where that is known", async (t) => {
  await assert.rejects(run("/nowhere/plugin", []), { code: "NETWORK_FAILED", message: /cannot run \/nowhere\/plugin/ });
  const path = process.env.PATH;
  t.after(() => {
    process.env.PATH = path;
  });
  process.env.PATH = "/nowhere";
  await assert.rejects(run("ip", []), { code: "NETWORK_FAILED", message: /apt install iproute2/ });
  await assert.rejects(run("iptables-save", []), { code: "NETWORK_FAILED", message: /apt install iptables/ });
});

test("only a missing program counts as not installed", async () => {
  assert.equal(isNotInstalled(await run("/nowhere/plugin", []).catch((error: unknown) => error)), true);
  assert.equal(isNotInstalled(await run("/etc/passwd", []).catch((error: unknown) => error)), false);
  assert.equal(isNotInstalled(new Error("ENOENT")), false);
});
