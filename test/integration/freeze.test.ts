import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { StartKind, WorkerState } from "../../proto/gen/esb/agent/v1/agent.ts";
import { ask, assertSameWorker, ensureRequest, failureOf, probeRequest } from "../support/calls.ts";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { isFrozen } from "../support/freezer.ts";
import { probeArchive, staticServerArchive } from "../support/images.ts";
import { untilEnded } from "../support/process.ts";
import { assertNoTraces } from "../support/traces.ts";

let esb: TestEsb;
before(async () => {
  esb = await startEsb({
    archives: [await staticServerArchive(), await probeArchive()],
    settings: { ESB_NETWORK_POOL: "0" },
  });
});
after(() => esb?.[Symbol.asyncDispose]());

test("W7: a worker that counts in the background stands still while it is frozen, and uses no CPU", async () => {
  const { worker } = await esb.workers.ensure(probeRequest("counting"));
  const workerId = "counting-0";
  const count = async () => Number((await ask(worker, "count")).count);
  await until(async () => assert.ok((await count()) > 5), patienceMs);
  const runningMs = { from: performance.now(), to: 0, again: 0 };
  const before = await count();

  const paused = await esb.workers.pause({ workerId });
  runningMs.to = performance.now();
  assert.equal(paused.worker?.state, WorkerState.PAUSED);
  const cpuBefore = (await esb.workers.stats({ workerId })).cpuUsageNs;
  await delay(3000);
  const cpuAfter = (await esb.workers.stats({ workerId })).cpuUsageNs;
  assert.equal(cpuAfter, cpuBefore);

  runningMs.again = performance.now();
  await esb.workers.resume({ workerId });
  const after = await count();
  // Between the first look and the freeze it went on counting, and so it does after the thaw, each 10 ms.
  const mayRunMs = runningMs.to - runningMs.from + performance.now() - runningMs.again;
  assert.ok(after - before < mayRunMs / 10 + 50, `counted from ${before} to ${after} in ${mayRunMs} ms`);
  await until(async () => assert.ok((await count()) > after, "counts again"), patienceMs);
});

test("W7: pausing a paused and resuming a running worker succeed", async () => {
  const workerId = "twice-0";
  const { worker } = await esb.workers.ensure(ensureRequest("twice"));
  const resumed = await esb.workers.resume({ workerId });
  assertSameWorker(resumed.worker, worker);
  const first = await esb.workers.pause({ workerId });
  const second = await esb.workers.pause({ workerId });
  assert.equal(second.worker?.state, WorkerState.PAUSED);
  assertSameWorker(second.worker, first.worker);
  await esb.ctr("tasks", "resume", workerId);
  assert.equal((await esb.workers.resume({ workerId })).worker?.state, WorkerState.RUNNING);
  await esb.ctr("tasks", "pause", workerId);
  assert.equal((await esb.workers.pause({ workerId })).worker?.state, WorkerState.PAUSED);
});

test("W7: a request to a frozen worker waits in its socket and is answered after the thaw", async () => {
  const workerId = "waiting-0";
  const { worker } = await esb.workers.ensure(probeRequest("waiting"));
  await esb.workers.pause({ workerId });
  let answered = false;
  const answer = ask(worker, "echo", { hello: 1 }).finally(() => {
    answered = true;
  });
  await delay(300);
  assert.equal(answered, false);
  await esb.workers.resume({ workerId });
  assert.deepEqual(await answer, { hello: 1 });
});

test("W7: a request that is half done when the worker is frozen is answered after the thaw", async () => {
  const workerId = "half-0";
  const { worker } = await esb.workers.ensure(probeRequest("half"));
  const answer = ask(worker, "sleep", { ms: 200 });
  await delay(50);
  await esb.workers.pause({ workerId });
  await delay(400);
  await esb.workers.resume({ workerId });
  assert.deepEqual(await answer, { ok: true });
});

test("W7: pauses and resumes at once, of one worker, end in a state that the agent tells rightly", async () => {
  const workerId = "flicker-0";
  await esb.workers.ensure(ensureRequest("flicker"));
  const calls = Array.from({ length: 20 }, (_, index) =>
    index % 2 === 0 ? esb.workers.pause({ workerId }) : esb.workers.resume({ workerId }),
  );
  await Promise.all(calls);
  const [told] = (await esb.workers.list({})).workers.filter(({ id }) => id === workerId);
  const expected = { RUNNING: WorkerState.RUNNING, PAUSED: WorkerState.PAUSED };
  assert.equal(told?.state, expected[(await esb.taskState(workerId)) as keyof typeof expected]);
});

test("W7: a worker that is not there cannot be frozen or thawed", async () => {
  for (const call of [esb.workers.pause, esb.workers.resume]) {
    const failure = await failureOf((options) => call({ workerId: "nobody-0" }, options));
    assert.deepEqual([failure.status, failure.code], ["NOT_FOUND", "WORKER_NOT_FOUND"]);
    assert.match(failure.message, /nobody-0/);
  }
});

test("W7: another instance of the worker is not frozen or thawed", async () => {
  const { worker } = await esb.workers.ensure(ensureRequest("instance"));
  const stale = { workerId: "instance-0", instanceId: "of-yesterday" };
  const failure = await failureOf((options) => esb.workers.pause(stale, options));
  assert.deepEqual([failure.status, failure.code], ["NOT_FOUND", "WORKER_NOT_FOUND"]);
  assert.equal(await esb.taskState("instance-0"), "RUNNING");
  await esb.workers.pause({ workerId: "instance-0", instanceId: worker?.instanceId ?? "" });
  assert.equal(await esb.taskState("instance-0"), "PAUSED");
});

test("W7: a worker that ended while it was frozen by ctr cannot be resumed, and the next Ensure makes one", async () => {
  const workerId = "dead-0";
  const { worker } = await esb.workers.ensure(ensureRequest("dead"));
  await esb.workers.pause({ workerId });
  await esb.ctr("tasks", "kill", "-s", "SIGKILL", workerId);
  // Some versions of runc thaw what they kill.
  await esb.ctr("tasks", "resume", workerId).catch(() => undefined);
  const failure = await failureOf((options) => esb.workers.resume({ workerId }, options)).catch(() => undefined);
  // For a moment it may count as running: a process dies after its thaw, not with it.
  if (failure !== undefined) assert.equal(failure.code, "WORKER_NOT_FOUND");
  await untilEnded(worker?.pid ?? 0);
  const next = await esb.workers.ensure(ensureRequest("dead"));
  assert.notEqual(next.worker?.instanceId, worker?.instanceId);
});

test("W7, W8: frozen workers can be destroyed, and nothing is left of them", async () => {
  const { workers } = await esb.workers.list({});
  await Promise.all(workers.map(({ id: workerId }) => esb.workers.pause({ workerId })));
  for (const { id } of workers) assert.equal(await esb.taskState(id), "PAUSED");
  const answers = await Promise.all(workers.map(({ id: workerId }) => esb.workers.destroy({ workerId })));
  assert.ok(answers.every(({ existed }) => existed));
  await assertNoTraces(esb);
});

// What a containerd that is killed in the middle of a Pause or Resume leaves: its shim believes otherwise than the kernel.
const freezerState = (id: string) => `/sys/fs/cgroup/freezer/${esb.namespace}/${id}/freezer.state`;
const isVersion1 = existsSync("/sys/fs/cgroup/freezer");
const tell = (id: string, frozen: boolean) =>
  isVersion1
    ? writeFile(freezerState(id), frozen ? "FROZEN" : "THAWED")
    : writeFile(`/sys/fs/cgroup/${esb.namespace}/${id}/cgroup.freeze`, frozen ? "1" : "0");

test("W7, S1: a worker that is frozen though its shim believes that it runs is thawed, also by an agent that starts anew", async () => {
  const { worker } = await esb.workers.ensure(ensureRequest("believed"));
  assert.ok(worker);
  await tell(worker.id, true);
  await esb.workers.resume({ workerId: worker.id });
  assert.deepEqual(await ask(worker, ""), { ok: true });

  await tell(worker.id, true);
  await esb.agent.stop("SIGKILL");
  await esb.agent.start();
  await esb.agentReady();
  const [found] = (await esb.workers.list({})).workers;
  assert.equal(found?.state, WorkerState.PAUSED);
  const again = await esb.workers.ensure(ensureRequest("believed"));
  assert.equal(again.startKind, StartKind.THAWED);
  assert.deepEqual(await ask(again.worker, ""), { ok: true });
  assert.equal(again.worker?.pid, worker.pid);
});

test("W7: a worker that runs though its shim believes that it is frozen is frozen", async () => {
  const { worker } = await esb.workers.ensure(ensureRequest("believed"));
  assert.ok(worker);
  await esb.workers.pause({ workerId: worker.id });
  await tell(worker.id, false);
  await esb.workers.pause({ workerId: worker.id });
  assert.equal(await isFrozen(esb.namespace, worker.id), true);
  await esb.workers.resume({ workerId: worker.id });
  assert.deepEqual(await ask(worker, ""), { ok: true });
  await esb.workers.destroy({ workerId: worker.id });
  await assertNoTraces(esb);
});
