import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { AgentError } from "../errors.ts";
import { changesOf, ensureRequest, never, testService } from "./service.fake.ts";

const hello = { id: "hello-0", instanceId: undefined };

test("W7: a worker is frozen and thawed, by name or as this very one; watchers are told once", async () => {
  await using t = await testService();
  const { worker } = await t.service.ensure(ensureRequest(), never);
  const { position } = t.service.table;
  const very = { id: "hello-0", instanceId: worker.identity.instanceId };
  assert.deepEqual(await t.service.pause(very, never), { ...worker, state: "paused" });
  assert.equal((await t.service.pause(hello, never)).state, "paused");
  assert.deepEqual(await t.service.resume(very, never), worker);
  assert.equal((await t.service.resume(hello, never)).state, "running");
  assert.deepEqual(await changesOf(t.service, position), ["changed hello-0 paused", "changed hello-0 running"]);
});

test("another instance, or none, is not found, and nothing is touched", async () => {
  await using t = await testService();
  await t.service.ensure(ensureRequest(), never);
  for (const reference of [
    { id: "hello-0", instanceId: "another" },
    { id: "hello-1", instanceId: undefined },
  ]) {
    const notFound = (error: unknown) =>
      error instanceof AgentError && error.code === "WORKER_NOT_FOUND" && error.message.includes(reference.id);
    await assert.rejects(t.service.pause(reference, never), notFound);
    await assert.rejects(t.service.resume(reference, never), notFound);
  }
  assert.deepEqual([t.runtime.count("pause"), t.runtime.count("resume")], [0, 0]);
});

test("what the runtime refuses is passed on, and the worker is known as it was", async () => {
  await using t = await testService();
  const { worker } = await t.service.ensure(ensureRequest(), never);
  t.runtime.at("pause", () => Promise.reject(new AgentError("WORKER_CONFLICT", "it is stopped")));
  await assert.rejects(t.service.pause(hello, never), { code: "WORKER_CONFLICT" });
  assert.deepEqual(t.service.table.get("hello-0"), worker);
});

test("a Pause whose client left while it waited for its turn freezes nothing", async () => {
  await using t = await testService();
  await t.service.ensure(ensureRequest(), never);
  const held = Promise.withResolvers<void>();
  t.runtime.at("inspect", () => held.promise);
  const ensuring = t.service.ensure(ensureRequest(), never);
  await settled();
  const leaving = new AbortController();
  const pausing = t.service.pause(hello, leaving.signal);
  leaving.abort(new Error("left"));
  held.resolve();
  await assert.rejects(pausing, /left/);
  await ensuring;
  assert.equal(t.runtime.count("pause"), 0);
});

test("W10: what a worker uses is asked of the runtime", async () => {
  await using t = await testService();
  await t.service.ensure(ensureRequest(), never);
  assert.equal((await t.service.stats("hello-0", never)).oomKills, 0n);
  await assert.rejects(t.service.stats("hello-1", never), { code: "WORKER_NOT_FOUND" });
});
