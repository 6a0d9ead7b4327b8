import assert from "node:assert/strict";
import { test } from "node:test";
import { changesOf, ensureRequest, never, testService, until } from "./service.fake.ts";
import type { WorkerRemains } from "./service.ts";
import { identity } from "./worker.fake.ts";

function remains(isReachable = true) {
  const removed: string[] = [];
  const fake: WorkerRemains = {
    isReachable: async () => isReachable,
    isLeft: async (id) => id === "gone-0",
    remove: async (id) => {
      removed.push(id);
    },
  };
  return { ...fake, removed };
}

test("S3: a worker that can serve is adopted once, and its row with it", async () => {
  await using t = await testService();
  t.runtime.put({ id: "hello-0", identity: identity(), state: "paused" });
  const around = remains();
  assert.equal(await t.service.recover("hello-0", around, never), "adopted");
  assert.equal(await t.service.recover("hello-0", around, never), "unchanged");
  assert.equal(t.service.table.get("hello-0")?.state, "paused");
  assert.equal(t.records.get("hello-0")?.state, "IDLE");
  assert.deepEqual([around.removed, t.runtime.count("destroy")], [[], 0]);
});

test("S3: what cannot serve is destroyed, then all else that bears its id", async () => {
  await using t = await testService();
  t.runtime.put({ id: "hello-0", identity: identity(), state: "stopped" });
  const around = remains();
  for (const id of ["hello-0", "gone-0"]) assert.equal(await t.service.recover(id, around, never), "removed");
  assert.deepEqual(around.removed, ["hello-0", "gone-0"]);
  assert.deepEqual([...t.runtime.workers.keys()], []);
});

test("S3: a worker whose network is gone is removed as lost, and those who watch are told", async () => {
  await using t = await testService();
  await t.service.ensure(ensureRequest(), never);
  const { position } = t.service.table;
  assert.equal(await t.service.recover("hello-0", remains(false), never), "removed");
  assert.deepEqual(await changesOf(t.service, position), ["removed hello-0 network-lost"]);
  const record = t.records.get("hello-0");
  assert.deepEqual([record?.state, record?.containerId], ["ERROR", undefined]);
});

test("S3: a foreign container is left alone; only our own row of its id says that the worker is gone", async () => {
  await using t = await testService();
  await t.service.ensure(ensureRequest(), never);
  t.runtime.put({ id: "hello-0", ours: false });
  const around = remains();
  assert.equal(await t.service.recover("hello-0", around, never), "unchanged");
  assert.equal(t.service.table.get("hello-0"), undefined);
  assert.equal(t.records.getContainerId("hello-0"), undefined);
  assert.deepEqual([around.removed, t.runtime.count("destroy")], [[], 0]);
});

test("S3: what is being made is never taken for a leftover: the sweep waits and looks again", async () => {
  await using t = await testService();
  const starting = Promise.withResolvers<void>();
  t.runtime.at("start", () => starting.promise);
  const ensured = t.service.ensure(ensureRequest(), never);
  await until(() => t.runtime.workers.get("hello-0")?.state === "created");
  const around = remains();
  const recovered = t.service.recover("hello-0", around, never);
  starting.resolve();
  assert.equal(await recovered, "unchanged");
  assert.equal((await ensured).worker.state, "running");
  assert.deepEqual([around.removed, t.runtime.count("destroy")], [[], 0]);
});

test("S3: what was destroyed since the sweep looked is no leftover any more", async () => {
  await using t = await testService();
  const around = remains();
  assert.equal(await t.service.recover("hello-0", around, never), "unchanged");
  assert.deepEqual([around.removed, t.runtime.count("destroy")], [[], 0]);
});

test("S3: a removal that fails is told, and can be tried again", async () => {
  await using t = await testService();
  t.runtime.put({ id: "hello-0", identity: identity(), state: "stopped" });
  t.runtime.at("destroy", () => Promise.reject(new Error("device busy")));
  await assert.rejects(t.service.recover("hello-0", remains(), never), /device busy/);
  t.runtime.at("destroy", () => undefined);
  assert.equal(await t.service.recover("hello-0", remains(), never), "removed");
});
