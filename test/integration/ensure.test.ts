import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { StartKind, WorkerState } from "../../proto/gen/esb/agent/v1/agent.ts";
import { ask, assertSameWorker, ensureRequest, owner } from "../support/calls.ts";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { staticServerArchive, staticServerImage } from "../support/images.ts";
import { killProcess, untilEnded } from "../support/process.ts";
import { assertNoTraces } from "../support/traces.ts";

let esb: TestEsb;
before(async () => {
  esb = await startEsb({ archives: [await staticServerArchive()], settings: { ESB_NETWORK_POOL: "0" } });
});
after(() => esb?.[Symbol.asyncDispose]());

test("W6: an absent worker is made, and each phase of its start is told", async () => {
  const { worker, startKind, phases } = await esb.workers.ensure(ensureRequest("absent"));
  assert.equal(startKind, StartKind.COLD);
  assert.ok(worker && phases);
  const { totalMs, ...parts } = phases;
  for (const [name, ms] of Object.entries(parts)) assert.ok(ms > 0, `${name} is ${ms}`);
  const sum = Object.values(parts).reduce((total, ms) => total + ms);
  assert.ok(sum <= totalMs + 1, `${sum} ms of phases in ${totalMs} ms`);
  assert.deepEqual(await ask(worker, ""), { ok: true });
});

test("W6: a running worker is returned as it is", async () => {
  const first = await esb.workers.ensure(ensureRequest("running"));
  const second = await esb.workers.ensure(ensureRequest("running"));
  assert.equal(second.startKind, StartKind.WARM);
  assertSameWorker(second.worker, first.worker);
  assert.equal(second.phases?.createMs, 0);
});

test("W6: a paused worker is resumed", async () => {
  const first = await esb.workers.ensure(ensureRequest("paused"));
  await esb.workers.pause({ workerId: "paused-0" });
  const second = await esb.workers.ensure(ensureRequest("paused"));
  assert.equal(second.startKind, StartKind.THAWED);
  assertSameWorker(second.worker, first.worker);
  assert.equal(await esb.taskState("paused-0"), "RUNNING");
});

test("W6: a worker that somebody paused with ctr is resumed", async () => {
  await esb.workers.ensure(ensureRequest("paused-by-ctr"));
  await esb.ctr("tasks", "pause", "paused-by-ctr-0");
  const { startKind } = await esb.workers.ensure(ensureRequest("paused-by-ctr"));
  assert.equal(startKind, StartKind.THAWED);
});

const endings: Record<string, (id: string, pid: number) => Promise<unknown>> = {
  "its process is killed": (_, pid) => killProcess(pid),
  "ctr tasks kill": (id, pid) => esb.ctr("tasks", "kill", "-s", "SIGKILL", id).then(() => untilEnded(pid)),
  "ctr tasks rm -f": (id) => esb.ctr("tasks", "rm", "-f", id),
};
for (const [index, [how, end]] of Object.entries(endings).entries()) {
  test(`W6: a stopped worker (${how}) is deleted and made anew`, async () => {
    const name = `stopped${index}`;
    const first = await esb.workers.ensure(ensureRequest(name));
    assert.ok(first.worker);
    await end(first.worker.id, first.worker.pid);
    const second = await esb.workers.ensure(ensureRequest(name));
    assert.equal(second.startKind, StartKind.COLD);
    assert.notEqual(second.worker?.instanceId, first.worker.instanceId);
    assert.notEqual(second.worker?.pid, first.worker.pid);
    assert.deepEqual(await ask(second.worker, ""), { ok: true });
  });
}

test("W6: a worker whose container somebody removed is made anew", async () => {
  await esb.workers.ensure(ensureRequest("removed"));
  await esb.ctr("tasks", "rm", "-f", "removed-0");
  // The agent hears of the task's end, and may be quicker.
  await esb.ctr("containers", "rm", "removed-0").catch((error: Error) => assert.match(error.message, /not found/));
  const { startKind } = await esb.workers.ensure(ensureRequest("removed"));
  assert.equal(startKind, StartKind.COLD);
});

test("W6: another spec replaces the worker, and each change of a field is one", async () => {
  let instance = (await esb.workers.ensure(ensureRequest("changed"))).worker?.instanceId;
  const changes = [{ memoryMib: 256 }, { environment: { A: "1" } }, { timeoutMs: 4000 }, { tmpMib: 600 }];
  for (const change of changes) {
    const { worker, startKind } = await esb.workers.ensure(ensureRequest("changed", change));
    assert.equal(startKind, StartKind.COLD, JSON.stringify(change));
    assert.notEqual(worker?.instanceId, instance);
    instance = worker?.instanceId;
  }
});

test("W6, S6: each owner has a worker of its own of the same function and slot", async () => {
  const { worker } = await esb.workers.ensure(ensureRequest("owned"));
  const others = await esb.workers.ensure({ ...ensureRequest("owned"), owner: "somebody-else" });
  assert.equal(others.startKind, StartKind.COLD);
  assert.match(others.worker?.id ?? "", /^owned-0\.[0-9a-f]{6}$/);
  assert.equal(await esb.taskState(others.worker?.id ?? ""), "RUNNING");
  assertSameWorker((await esb.workers.ensure(ensureRequest("owned"))).worker, worker);
  await esb.workers.destroy({ workerId: others.worker?.id ?? "" });
});

test("W2: ctr shows a worker under a readable id, its labels and its state", async () => {
  const { worker } = await esb.workers.ensure({ ...ensureRequest("seen"), slot: 7 });
  assert.equal(worker?.id, "seen-7");
  assert.equal(worker.state, WorkerState.RUNNING);
  const info = JSON.parse(await esb.ctr("containers", "info", "seen-7"));
  assert.equal(info.Image, staticServerImage);
  const { created_by, ...labels } = info.Labels;
  assert.equal(created_by, "edge-serverless-box");
  assert.equal(labels["esb.function"], "seen");
  assert.equal(labels["esb.owner"], owner);
  assert.equal(labels["esb.slot"], "7");
  assert.equal(labels["esb.image"], staticServerImage);
  assert.equal(labels["esb.instance"], worker.instanceId);
  assert.equal(await esb.taskState("seen-7"), "RUNNING");
  await esb.workers.pause({ workerId: "seen-7" });
  assert.equal(await esb.taskState("seen-7"), "PAUSED");
  await esb.workers.resume({ workerId: "seen-7" });
  assert.equal(await esb.taskState("seen-7"), "RUNNING");
});

test("W8: nothing is left of any of these workers once they are destroyed", async () => {
  const { workers } = await esb.workers.list({});
  assert.ok(workers.length > 5);
  await Promise.all(workers.map(({ id }) => esb.workers.destroy({ workerId: id })));
  await assertNoTraces(esb);
});
