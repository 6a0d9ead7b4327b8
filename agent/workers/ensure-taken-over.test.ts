import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentError } from "../errors.ts";
import { specDigest } from "./identity.ts";
import { ensureRequest, never, testService } from "./service.fake.ts";
import { functionSpec, identity } from "./worker.fake.ts";

const ours = () => identity({ specDigest: specDigest(functionSpec()), instanceId: "appeared" });

test("a worker of ours that we did not know of is used as it is", async () => {
  for (const [state, startKind] of [
    ["running", "warm"],
    ["paused", "thawed"],
  ] as const) {
    await using t = await testService();
    t.runtime.put({ id: "hello-0", identity: ours(), state });
    const result = await t.service.ensure(ensureRequest(), never);
    assert.deepEqual([result.startKind, result.worker.identity.instanceId], [startKind, "appeared"]);
    assert.equal(t.runtime.count("destroy"), 0);
  }
});

test("a container that appears while ours is being made is taken over, not an error", async () => {
  await using t = await testService();
  t.runtime.at("network", (id) => void t.runtime.put({ id, identity: ours() }));
  const result = await t.service.ensure(ensureRequest(), never);
  assert.deepEqual([result.startKind, result.worker.identity.instanceId], ["warm", "appeared"]);
});

test("a container that is not ours but has our worker's id makes way", async () => {
  await using t = await testService();
  t.runtime.put({ id: "hello-0", endpoint: undefined });
  const result = await t.service.ensure(ensureRequest(), never);
  assert.equal(result.startKind, "cold");
  assert.equal(t.runtime.count("destroy"), 1);
});

test("another owner's container that appears is refused", async () => {
  await using t = await testService();
  t.runtime.put({ id: "hello-0", identity: { ...ours(), owner: "other" } });
  await assert.rejects(t.service.ensure(ensureRequest(), never), { code: "WORKER_CONFLICT" });
  assert.equal(t.runtime.workers.size, 1);
  assert.equal(t.service.table.get("hello-0"), undefined);
});

test("somebody who always gets in between is a conflict in the end", async () => {
  await using t = await testService();
  t.runtime.at("network", (id) => void t.runtime.put({ id }));
  await assert.rejects(
    t.service.ensure(ensureRequest(), never),
    (error) => error instanceof AgentError && error.code === "WORKER_CONFLICT",
    "CONTAINER_EXISTS is never sent",
  );
  assert.equal(t.runtime.count("network"), 3);
});

test("a frozen worker that ends before its thaw is made anew", async () => {
  await using t = await testService();
  const { worker } = await t.service.ensure(ensureRequest(), never);
  t.runtime.change("hello-0", "paused");
  t.runtime.at("resume", (id) => t.runtime.change(id, "stopped"));
  const again = await t.service.ensure(ensureRequest(), never);
  assert.equal(again.startKind, "cold");
  assert.notEqual(again.worker.identity.instanceId, worker.identity.instanceId);
});

test("a worker that somebody else thaws in between is used", async () => {
  await using t = await testService();
  await t.service.ensure(ensureRequest(), never);
  t.runtime.change("hello-0", "paused");
  t.runtime.at("resume", (id) => {
    t.runtime.change(id, "running");
    throw new AgentError("WORKER_CONFLICT", "it is running and cannot become running");
  });
  assert.equal((await t.service.ensure(ensureRequest(), never)).startKind, "warm");
});

test("a worker that cannot be thawed is not tried for ever", async () => {
  await using t = await testService();
  await t.service.ensure(ensureRequest(), never);
  t.runtime.change("hello-0", "paused");
  t.runtime.at("resume", () => Promise.reject(new AgentError("WORKER_CONFLICT", "it cannot become running")));
  await assert.rejects(t.service.ensure(ensureRequest(), never), { code: "WORKER_CONFLICT" });
  assert.equal(t.runtime.count("resume"), 3);
});

test("a worker that runs but listens no more is replaced", async () => {
  await using t = await testService({ readyTimeoutMs: 20 });
  const deaf = t.runtime.put({ id: "hello-0", identity: ours(), endpoint: { host: "127.0.0.1", port: 1 } });
  const result = await t.service.ensure(ensureRequest(), never);
  assert.equal(result.startKind, "cold");
  assert.notEqual(result.worker.endpoint.port, deaf.endpoint?.port);
});

test("a warm worker that the runtime loses meanwhile is replaced", async () => {
  await using t = await testService();
  const { worker } = await t.service.ensure(ensureRequest(), never);
  t.service.exits.announce("hello-0", worker.pid, { exitStatus: 137, outOfMemory: false, abandoned: true });
  const again = await t.service.ensure(ensureRequest(), never);
  assert.equal(again.startKind, "cold");
  assert.notEqual(again.worker.identity.instanceId, worker.identity.instanceId);
});
