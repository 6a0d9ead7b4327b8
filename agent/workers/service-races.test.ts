import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { hang } from "./runtime.fake.ts";
import { ensureRequest, never, testService, until } from "./service.fake.ts";
import { functionSpec } from "./worker.fake.ts";

const hello = { id: "hello-0", instanceId: undefined };

test("fifty concurrent Ensures make one worker", async () => {
  await using t = await testService();
  const results = await Promise.all(Array.from({ length: 50 }, () => t.service.ensure(ensureRequest(), never)));
  assert.equal(t.runtime.count("image"), 1);
  assert.equal(new Set(results.map(({ worker }) => worker.identity.instanceId)).size, 1);
});

test("the work goes on while one of its callers waits", async () => {
  await using t = await testService();
  const held = Promise.withResolvers<void>();
  t.runtime.at("create", () => held.promise);
  const leaving = new AbortController();
  const left = t.service.ensure(ensureRequest(), leaving.signal);
  const stays = t.service.ensure(ensureRequest(), never);
  leaving.abort(new Error("left"));
  await assert.rejects(left, /left/);
  held.resolve();
  assert.equal((await stays).startKind, "cold");
});

test("who comes right after the last caller left gets a worker of its own making", async () => {
  await using t = await testService();
  t.runtime.at("create", hang);
  const leaving = new AbortController();
  const left = t.service.ensure(ensureRequest(), leaving.signal);
  await until(() => t.runtime.count("create") > 0);
  leaving.abort(new Error("left"));
  await assert.rejects(left, /left/);
  t.runtime.at("create", () => undefined);
  assert.equal((await t.service.ensure(ensureRequest(), never)).startKind, "cold");
  assert.equal(t.runtime.workers.size, 1);
});

test("Ensures of two specs for one worker come one after the other; the last one's worker stays", async () => {
  await using t = await testService();
  const other = ensureRequest({ function: functionSpec({ memoryBytes: 256 * 1024 * 1024 }) });
  const [one, two] = await Promise.all([t.service.ensure(ensureRequest(), never), t.service.ensure(other, never)]);
  assert.notEqual(one.worker.identity.instanceId, two.worker.identity.instanceId);
  assert.deepEqual(
    [...t.runtime.workers.values()].map((worker) => worker.identity?.instanceId),
    [two.worker.identity.instanceId],
  );
});

test("a Destroy breaks off the Ensure, which is told why, and leaves nothing", async () => {
  await using t = await testService();
  t.runtime.at("snapshot", hang);
  const ensuring = t.service.ensure(ensureRequest(), never);
  await until(() => t.runtime.count("snapshot") > 0);
  const [ensured, destroyed] = await Promise.allSettled([ensuring, t.service.destroy(hello)]);
  assert.equal(ensured.status === "rejected" && ensured.reason.code, "WORKER_CONFLICT");
  assert.deepEqual(destroyed, { status: "fulfilled", value: false });
  assert.equal(t.runtime.workers.size, 0);
  assert.deepEqual(t.service.table.all(), []);
});

test("a Destroy of the very instance that is being started breaks off its Ensure too", async () => {
  await using t = await testService();
  t.runtime.at("snapshot", hang);
  const ensuring = t.service.ensure(ensureRequest(), never);
  await until(() => t.runtime.count("snapshot") > 0);
  const instanceId = t.service.table.get(hello.id)?.identity.instanceId;
  assert.ok(instanceId);
  const [ensured] = await Promise.allSettled([ensuring, t.service.destroy({ id: hello.id, instanceId })]);
  assert.equal(ensured.status === "rejected" && ensured.reason.code, "WORKER_CONFLICT");
  assert.equal(t.runtime.workers.size, 0);
});

test("a Destroy of an instance that runs already leaves an Ensure alone, which makes a new worker behind it", async () => {
  await using t = await testService();
  const { worker } = await t.service.ensure(ensureRequest(), never);
  const { instanceId } = worker.identity;
  const looked = Promise.withResolvers<void>();
  t.runtime.at("inspect", () => looked.promise);
  const changed = ensureRequest({ function: functionSpec({ memoryBytes: 512 * 1024 ** 2 }) });
  const holding = t.service.ensure(ensureRequest(), never);
  await until(() => t.runtime.count("inspect") > 0);
  const destroying = t.service.destroy({ id: hello.id, instanceId });
  const ensuring = t.service.ensure(changed, never);
  looked.resolve();
  assert.equal((await holding).startKind, "warm");
  assert.equal(await destroying, true);
  assert.notEqual((await ensuring).worker.identity.instanceId, instanceId);
});

test("an Ensure that comes while a Destroy is under way waits, and makes a new worker", async () => {
  await using t = await testService();
  const { worker } = await t.service.ensure(ensureRequest(), never);
  const held = Promise.withResolvers<void>();
  t.runtime.at("destroy", () => held.promise);
  const destroying = t.service.destroy(hello);
  const ensuring = t.service.ensure(ensureRequest(), never);
  await settled();
  assert.equal(t.runtime.count("image"), 1);
  held.resolve();
  assert.equal(await destroying, true);
  const again = await ensuring;
  assert.equal(again.startKind, "cold");
  assert.notEqual(again.worker.identity.instanceId, worker.identity.instanceId);
});

test("a Destroy of an earlier instance leaves the Ensure under way alone", async () => {
  await using t = await testService();
  const held = Promise.withResolvers<void>();
  t.runtime.at("create", () => held.promise);
  const ensuring = t.service.ensure(ensureRequest(), never);
  const destroying = t.service.destroy({ id: "hello-0", instanceId: "earlier" });
  await settled();
  held.resolve();
  assert.equal((await ensuring).startKind, "cold");
  assert.equal(await destroying, false);
  assert.equal(t.runtime.count("destroy"), 0);
});

test("a Pause during an Ensure waits for it; an Ensure behind the Pause thaws", async () => {
  await using t = await testService();
  const held = Promise.withResolvers<void>();
  t.runtime.at("start", () => held.promise);
  const ensuring = t.service.ensure(ensureRequest(), never);
  const pausing = t.service.pause(hello, never);
  await settled();
  assert.equal(t.runtime.count("pause"), 0);
  held.resolve();
  await ensuring;
  const thawing = t.service.ensure(ensureRequest(), never);
  assert.equal((await pausing).state, "paused");
  assert.equal((await thawing).startKind, "thawed");
  assert.equal(t.runtime.workers.get("hello-0")?.state, "running");
});

test("two workers don't wait for one another", async () => {
  await using t = await testService();
  t.runtime.at("create", (id) => (id === "hello-0" ? new Promise(() => undefined) : undefined));
  const leaving = new AbortController();
  t.service.ensure(ensureRequest(), leaving.signal).catch(() => undefined);
  await t.service.ensure(ensureRequest({ slot: 1 }), never);
  leaving.abort();
});
