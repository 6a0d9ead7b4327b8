import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { StartKind } from "../../proto/gen/esb/agent/v1/agent.ts";
import { ask, ensureRequest, failureOf } from "../support/calls.ts";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { staticServerArchive } from "../support/images.ts";
import { killProcess } from "../support/process.ts";
import { assertNoTraces, tracesOf } from "../support/traces.ts";

async function start(settings: Record<string, string>): Promise<TestEsb> {
  return startEsb({ archives: [await staticServerArchive()], settings: { ESB_NETWORK_POOL: "0", ...settings } });
}

/** A stand-in for another runtime's binary: notes each of its calls and is runc otherwise. */
async function otherRuntime() {
  const folder = await mkdtemp(join(tmpdir(), "esb-runtime-"));
  const binary = join(folder, "other-runc");
  const notes = join(folder, "calls");
  await writeFile(binary, `#!/bin/sh\necho "$@" >>${notes}\nexec runc "$@"\n`);
  await chmod(binary, 0o755);
  return {
    binary,
    calls: async () => (await readFile(notes, "utf8")).trim().split("\n"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

test("W11: the runtime's options reach it: another binary makes, freezes and ends the workers", async () => {
  await using other = await otherRuntime();
  await using esb = await start({ ESB_RUNTIME_OPTIONS: JSON.stringify({ binary_name: other.binary }) });
  const { worker } = await esb.workers.ensure(ensureRequest("elsewhere"));
  assert.deepEqual(await ask(worker, ""), { ok: true });
  await esb.workers.pause({ workerId: "elsewhere-0" });
  const { startKind } = await esb.workers.ensure(ensureRequest("elsewhere"));
  assert.equal(startKind, StartKind.THAWED);
  await esb.workers.destroy({ workerId: "elsewhere-0" });
  await assertNoTraces(esb);
  const calls = await other.calls();
  for (const command of ["create", "start", "pause", "resume", "delete"]) {
    assert.ok(
      calls.some((call) => call.split(" ").includes(command)),
      `${command} in ${calls.join("; ")}`,
    );
  }
});

test("W11: a runtime that is not there, and a binary that is not there, are clear errors and leave nothing", async () => {
  const cases = [
    [{ ESB_RUNTIME: "io.containerd.absent.v1" }, /io\.containerd\.absent\.v1|containerd-shim-absent-v1/],
    [{ ESB_RUNTIME_OPTIONS: '{"binary_name":"/no/such/runc"}' }, /\/no\/such\/runc/],
  ] as const;
  for (const [settings, words] of cases) {
    await using esb = await start(settings);
    const failure = await failureOf((options) => esb.workers.ensure(ensureRequest("nowhere"), options));
    assert.deepEqual([failure.status, failure.code], ["FAILED_PRECONDITION", "WORKER_START_FAILED"]);
    assert.match(failure.message, words);
    await assertNoTraces(esb);
  }
});

test("W11: an option that the runtime does not know stops the agent's start with a clear message", async () => {
  const started = start({ ESB_RUNTIME_OPTIONS: '{"binary":"crun"}' }).then((esb) => esb[Symbol.asyncDispose]());
  await assert.rejects(started, /ESB_RUNTIME_OPTIONS.*binary=crun is no option/);
});

test("W11: workers of one function share a shim when that is asked for, and end one by one", async () => {
  await using esb = await start({ ESB_SHIM_SHARING: "function" });
  const shims = async () => (await tracesOf(esb)).filter((trace) => trace.startsWith("shim: "));
  const ensure = (name: string, slot: number) => esb.workers.ensure({ ...ensureRequest(name), slot });
  await ensure("shared", 0);
  const second = await ensure("shared", 1);
  assert.equal((await shims()).length, 1);
  await ensure("apart", 0);
  assert.equal((await shims()).length, 2);

  // The shim is named for the first of them, and must outlive it.
  await esb.workers.destroy({ workerId: "shared-0" });
  assert.deepEqual(await ask(second.worker, ""), { ok: true });
  await esb.workers.pause({ workerId: "shared-1" });
  assert.equal((await ensure("shared", 1)).startKind, StartKind.THAWED);
  const third = await ensure("shared", 2);
  assert.equal((await shims()).length, 2);
  await killProcess(third.worker?.pid ?? 0);
  await esb.waitForTask("shared-2", undefined);
  assert.deepEqual(await ask(second.worker, ""), { ok: true });
  await Promise.all(["shared-1", "apart-0"].map((workerId) => esb.workers.destroy({ workerId })));
  await assertNoTraces(esb);
});

test("W11: many workers of a function that share a shim start and end at once", async () => {
  await using esb = await start({ ESB_SHIM_SHARING: "function" });
  const slots = [0, 1, 2, 3, 4, 5];
  const made = await Promise.all(slots.map((slot) => esb.workers.ensure({ ...ensureRequest("crowd"), slot })));
  for (const { worker } of made) assert.deepEqual(await ask(worker, ""), { ok: true });
  await Promise.all(slots.map((slot) => esb.workers.destroy({ workerId: `crowd-${slot}` })));
  await assertNoTraces(esb);
  assert.deepEqual(await ask((await esb.workers.ensure(ensureRequest("crowd"))).worker, ""), { ok: true });
  await esb.workers.destroy({ workerId: "crowd-0" });
});
