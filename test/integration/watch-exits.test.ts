import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { RemovalReason, StartKind } from "../../proto/gen/esb/agent/v1/agent.ts";
import { ask, ensureRequest, probeRequest } from "../support/calls.ts";
import { needs } from "../support/controllers.ts";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { probeArchive, staticServerArchive } from "../support/images.ts";
import { assertNoTraces } from "../support/traces.ts";
import { removalOf, type Watcher, watch } from "../support/watcher.ts";

let esb: TestEsb;
before(async () => {
  esb = await startEsb({
    archives: [await staticServerArchive(), await probeArchive()],
    settings: { ESB_NETWORK_POOL: "0" },
  });
});
after(() => esb?.[Symbol.asyncDispose]());

/** A Watch that hears only what comes after this call. */
async function watchFromNow(): Promise<Watcher> {
  return watch(esb, { position: (await esb.workers.list({})).position });
}

const endings: Record<string, { end: (id: string, pid: number) => unknown; exitStatus: number | undefined }> = {
  "kill -9 of its process": { end: (_, pid) => process.kill(pid, "SIGKILL"), exitStatus: 137 },
  "SIGTERM to its process": { end: (_, pid) => process.kill(pid, "SIGTERM"), exitStatus: 0 },
  "ctr tasks kill": { end: (id) => esb.ctr("tasks", "kill", "-s", "SIGKILL", id), exitStatus: 137 },
  "kill -9 of its shim": { end: async (_, pid) => process.kill(await parentOf(pid), "SIGKILL"), exitStatus: undefined },
};
for (const [index, [how, { end, exitStatus }]] of Object.entries(endings).entries()) {
  test(`W6, S1: a worker that is gone (${how}) is told within a second, swept, and made anew`, async () => {
    const name = `ended${index}`;
    const { worker } = await esb.workers.ensure(probeRequest(name));
    assert.ok(worker);
    await using watcher = await watchFromNow();
    await end(worker.id, worker.pid);
    const removal = await watcher.first(removalOf(worker.id), 1000);
    assert.equal(removal.reason, RemovalReason.EXITED);
    assert.equal(removal.worker?.instanceId, worker.instanceId);
    if (exitStatus !== undefined) assert.equal(removal.exitStatus, exitStatus);
    await assertNoTraces(esb);
    const next = await esb.workers.ensure(probeRequest(name));
    assert.equal(next.startKind, StartKind.COLD);
    assert.deepEqual(await ask(next.worker, "echo", { a: 1 }), { a: 1 });
    await esb.workers.destroy({ workerId: worker.id });
    await assertNoTraces(esb);
  });
}

test("W6: a worker that exits by itself is told with its exit status and swept", async () => {
  const { worker } = await esb.workers.ensure(probeRequest("exits"));
  await using watcher = await watchFromNow();
  await ask(worker, "exitSoon", { code: 7, ms: 50 });
  const removal = await watcher.first(removalOf("exits-0"), 1500);
  assert.deepEqual([removal.reason, removal.exitStatus], [RemovalReason.EXITED, 7]);
  await assertNoTraces(esb);
});

test("W10: a worker that the kernel killed at its memory limit is told as that", needs("memory"), async () => {
  const { worker } = await esb.workers.ensure(probeRequest("greedy"));
  await using watcher = await watchFromNow();
  await assert.rejects(ask(worker, "allocate", { mib: 400 }));
  const removal = await watcher.first(removalOf("greedy-0"), 2000);
  assert.equal(removal.reason, RemovalReason.OUT_OF_MEMORY);
  await assertNoTraces(esb);
  const next = await esb.workers.ensure(probeRequest("greedy"));
  assert.equal(next.startKind, StartKind.COLD);
  await esb.workers.destroy({ workerId: "greedy-0" });
});

test("W10: a worker that is killed by hand after another was at its memory limit is told as killed", async () => {
  const { worker } = await esb.workers.ensure(ensureRequest("by-hand"));
  await using watcher = await watchFromNow();
  process.kill(worker?.pid ?? 0, "SIGKILL");
  const removal = await watcher.first(removalOf("by-hand-0"), 1000);
  assert.equal(removal.reason, RemovalReason.EXITED);
  await assertNoTraces(esb);
});

test("W6: a frozen worker that is killed is told and swept", async () => {
  const { worker } = await esb.workers.ensure(ensureRequest("cold-blood"));
  await esb.workers.pause({ workerId: "cold-blood-0" });
  await using watcher = await watchFromNow();
  await esb.ctr("tasks", "kill", "-s", "SIGKILL", "cold-blood-0");
  // It dies with its thaw, which some versions of runc do themselves.
  await esb.ctr("tasks", "resume", "cold-blood-0").catch(() => undefined);
  const removal = await watcher.first(removalOf("cold-blood-0"), 1000);
  assert.equal(removal.worker?.instanceId, worker?.instanceId);
  await assertNoTraces(esb);
});

test("W6: ten workers killed at once are all told and swept", async () => {
  const requests = Array.from({ length: 10 }, (_, slot) => ({ ...ensureRequest("many"), slot }));
  const started = await Promise.all(requests.map((request) => esb.workers.ensure(request)));
  await using watcher = await watchFromNow();
  for (const { worker } of started) process.kill(worker?.pid ?? 0, "SIGKILL");
  for (const { worker } of started) await watcher.first(removalOf(worker?.id ?? ""), 2000);
  await assertNoTraces(esb);
});

async function parentOf(pid: number): Promise<number> {
  return Number(/^PPid:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1]);
}
