import assert from "node:assert/strict";
import { test } from "node:test";
import { record } from "./records.fake.ts";
import type { WorkerRecord } from "./records.ts";
import { changesOf, ensureRequest, never, testService } from "./service.fake.ts";
import { identity } from "./worker.fake.ts";

const hello = { id: "hello-0", instanceId: undefined };
const told = (record: WorkerRecord | undefined) =>
  record && `${record.state} ${record.containerId} ${record.lastAccessMs} ${record.reason}`;

/** A clock that goes on by one with each look at it. */
function ticking() {
  let nowMs = 0;
  return () => {
    nowMs += 1;
    return nowMs;
  };
}

test("S2: the container is saved once it runs, follows its state, and is forgotten with it", async () => {
  await using t = await testService();
  const starting = Promise.withResolvers<void>();
  t.runtime.at("start", () => starting.promise);
  const ensuring = t.service.ensure(ensureRequest(), never);
  await new Promise(setImmediate);
  assert.equal(t.records.getContainerId("hello-0"), undefined);
  starting.resolve();
  const { worker } = await ensuring;
  assert.deepEqual(t.records.get("hello-0"), {
    ...record({ lastAccessMs: worker.lastAccessMs }),
    instanceId: worker.identity.instanceId,
  });
  await t.service.pause(hello, never);
  assert.equal(t.records.get("hello-0")?.state, "IDLE");
  await t.service.resume(hello, never);
  assert.equal(t.records.get("hello-0")?.state, "ACTIVE");
  await t.service.destroy(hello);
  assert.deepEqual(t.records.all(), []);
});

test("S1: Ensure, Pause and Resume are accesses, each told with its answer; watchers hear of changes only", async () => {
  await using t = await testService({ now: ticking() });
  await t.service.ensure(ensureRequest(), never);
  const accesses: number[] = [];
  const { position } = t.service.table;
  for (const access of [
    async () => (await t.service.ensure(ensureRequest(), never)).worker,
    () => t.service.pause(hello, never),
    () => t.service.pause(hello, never),
    () => t.service.resume(hello, never),
  ]) {
    const { lastAccessMs } = await access();
    assert.ok(lastAccessMs > (accesses.at(-1) ?? 0));
    accesses.push(lastAccessMs);
    assert.equal(t.records.get("hello-0")?.lastAccessMs, lastAccessMs);
    const known = t.service.table.get("hello-0");
    assert.ok(known?.state !== "starting" && known?.lastAccessMs === lastAccessMs);
  }
  await t.service.synchronise(never);
  assert.equal(t.records.get("hello-0")?.lastAccessMs, accesses.at(-1), "a mere look is no access");
  assert.deepEqual(await changesOf(t.service, position), ["changed hello-0 paused", "changed hello-0 running"]);
});

test("S1: last access is restored for this very instance, and is now for any other", async () => {
  await using t = await testService({ now: () => 100 });
  t.runtime.put({ id: "hello-0", identity: identity(), state: "paused" });
  t.runtime.put({ id: "hello-1", identity: identity({ id: "hello-1" }) });
  t.runtime.put({ id: "hello-2", identity: identity({ id: "hello-2" }) });
  t.records.save(record({ lastAccessMs: 5 }));
  t.records.save(record({ workerId: "hello-1", containerId: "hello-1", instanceId: "an earlier one" }));
  await t.service.synchronise(never);
  assert.deepEqual(
    ["hello-0", "hello-1", "hello-2"].map((id) => told(t.records.get(id))),
    ["IDLE hello-0 5 undefined", "ACTIVE hello-1 100 undefined", "ACTIVE hello-2 100 undefined"],
  );
});

test("S3: rows whose container is gone or not running become ERROR with the id cleared", async () => {
  await using t = await testService();
  t.records.save(record({ lastAccessMs: 5 }));
  t.records.save(record({ workerId: "hello-1", containerId: "hello-1", lastAccessMs: 5 }));
  t.runtime.put({ id: "hello-1", identity: identity({ id: "hello-1" }), state: "stopped" });
  await t.service.synchronise(never);
  for (const id of ["hello-0", "hello-1"]) {
    assert.equal(told(t.records.get(id)), "ERROR undefined 5 its container was found gone or not running");
  }
});

test("S2: why a worker went is kept until it is made again or destroyed", async () => {
  for (const [exit, reason] of [
    [{ exitStatus: 137, outOfMemory: false }, "exited with status 137"],
    [{ exitStatus: 137, outOfMemory: true }, "killed at its memory limit"],
  ] as const) {
    await using t = await testService({ now: () => 7 });
    const { worker } = await t.service.ensure(ensureRequest(), never);
    await t.service.noticeExit("hello-0", worker.pid, exit);
    assert.equal(told(t.records.get("hello-0")), `ERROR undefined 7 ${reason}`);
    await t.service.ensure(ensureRequest(), never);
    assert.equal(told(t.records.get("hello-0")), "ACTIVE hello-0 7 undefined");
    t.service.table.remove("hello-0", "network-lost");
    assert.equal(told(t.records.get("hello-0")), "ERROR undefined 7 its network namespace was removed from outside");
    await t.service.destroy(hello);
    assert.deepEqual(t.records.all(), []);
  }
});

test("S2: a start that failed by itself is kept in ERROR, one whose caller was wrong is not", async () => {
  await using t = await testService();
  t.service.table.set({ state: "starting", identity: identity() });
  t.service.table.remove("hello-0", "exited");
  const { reason, containerId } = t.records.get("hello-0") ?? {};
  assert.deepEqual([reason, containerId], ["exited before it listened on its port", undefined]);
  t.service.table.set({ state: "starting", identity: identity() });
  t.service.table.remove("hello-0", "destroyed");
  assert.deepEqual(t.records.all(), []);
});
