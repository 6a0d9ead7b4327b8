import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentError } from "../errors.ts";
import { decide } from "./ensure.ts";
import { specDigest } from "./identity.ts";
import type { RuntimeState, RuntimeWorker } from "./runtime.ts";
import { changesOf, ensureRequest, never, testService } from "./service.fake.ts";
import { functionSpec, identity } from "./worker.fake.ts";

const digest = specDigest(functionSpec());

test("W6: what a container that is there means", () => {
  const worker = (state: RuntimeState, changes: Partial<RuntimeWorker> = {}): RuntimeWorker => ({
    id: "hello-0",
    ours: true,
    identity: identity({ specDigest: digest }),
    state,
    endpoint: { host: "10.63.0.2", port: 8080 },
    attachmentId: undefined,
    driver: "http",
    pid: 100,
    ...changes,
  });
  const foreign = { ours: false, identity: undefined };
  const illegible = { identity: undefined };
  const others = { identity: identity({ specDigest: digest, owner: "other" }) };
  const older = { identity: identity({ specDigest: "another" }) };
  const unattached = { endpoint: undefined };
  const table: [RuntimeWorker | undefined, ReturnType<typeof decide>][] = [
    [undefined, "create"],
    [worker("running"), "use"],
    [worker("paused"), "thaw"],
    [worker("stopped"), "replace"],
    [worker("created"), "replace"],
    [worker("running", foreign), "replace"],
    [worker("stopped", foreign), "replace"],
    [worker("running", illegible), "replace"],
    [worker("running", older), "replace"],
    [worker("paused", older), "replace"],
    [worker("running", unattached), "replace"],
    [worker("running", others), "refuse"],
    [worker("stopped", others), "refuse"],
  ];
  for (const [existing, expected] of table) {
    assert.equal(decide(existing, { owner: "gateway", specDigest: digest }), expected, JSON.stringify(existing));
  }
});

test("absent: it is made, without a look first", async () => {
  await using t = await testService();
  const { position } = t.service.table;
  const { worker, startKind, phases, totalMs } = await t.service.ensure(ensureRequest(), never);
  assert.equal(startKind, "cold");
  assert.deepEqual([worker.identity.id, worker.state, worker.identity.owner], ["hello-0", "running", "gateway"]);
  assert.equal(worker.identity.createdAtMs, 1_700_000_000_000);
  assert.equal(t.runtime.count("inspect"), 0);
  assert.ok(phases.ready > 0 && totalMs >= phases.ready);
  assert.deepEqual(await changesOf(t.service, position), ["changed hello-0 starting", "changed hello-0 running"]);
});

test("running: it is used, and nobody is told of a change", async () => {
  await using t = await testService();
  const first = await t.service.ensure(ensureRequest(), never);
  const { position } = t.service.table;
  const second = await t.service.ensure(ensureRequest(), never);
  assert.equal(second.startKind, "warm");
  assert.deepEqual(second.worker, first.worker);
  assert.deepEqual(await changesOf(t.service, position), []);
  assert.equal(t.runtime.count("start"), 1);
});

test("paused: it is thawed", async () => {
  await using t = await testService();
  const { worker } = await t.service.ensure(ensureRequest(), never);
  await t.service.pause({ id: "hello-0", instanceId: undefined }, never);
  const again = await t.service.ensure(ensureRequest(), never);
  assert.equal(again.startKind, "thawed");
  assert.equal(again.worker.identity.instanceId, worker.identity.instanceId);
  assert.equal(t.runtime.workers.get("hello-0")?.state, "running");
});

test("stopped: it is removed and made anew", async () => {
  await using t = await testService();
  const { worker } = await t.service.ensure(ensureRequest(), never);
  t.runtime.change("hello-0", "stopped");
  const { position } = t.service.table;
  const again = await t.service.ensure(ensureRequest(), never);
  assert.equal(again.startKind, "cold");
  assert.notEqual(again.worker.identity.instanceId, worker.identity.instanceId);
  assert.deepEqual(await changesOf(t.service, position), [
    "removed hello-0 replaced",
    "changed hello-0 starting",
    "changed hello-0 running",
  ]);
});

test("a changed spec replaces the worker; a changed pull policy doesn't", async () => {
  await using t = await testService();
  const { worker } = await t.service.ensure(ensureRequest(), never);
  const policy = ensureRequest({ function: functionSpec({ pullPolicy: "always" }) });
  assert.equal((await t.service.ensure(policy, never)).startKind, "warm");
  const changed = ensureRequest({ function: functionSpec({ environment: { A: "1" } }) });
  const replaced = await t.service.ensure(changed, never);
  assert.equal(replaced.startKind, "cold");
  assert.notEqual(replaced.worker.identity.specDigest, worker.identity.specDigest);
  assert.equal(t.runtime.workers.size, 1);
});

test("S6: another owner gets a worker of its own, and the first stays as it is", async () => {
  await using t = await testService();
  const { worker } = await t.service.ensure(ensureRequest(), never);
  const other = await t.service.ensure(ensureRequest({ owner: "other" }), never);
  assert.equal(other.startKind, "cold");
  assert.notEqual(other.worker.identity.id, worker.identity.id);
  assert.deepEqual(t.service.table.get("hello-0"), worker);
  assert.equal(t.runtime.count("destroy"), 0);
});

test("S6: an owner whose id another's worker has is refused, and the worker stays as it is", async () => {
  await using t = await testService();
  const { worker } = await t.service.ensure(ensureRequest(), never);
  const foreign = { ...worker, identity: { ...worker.identity, owner: "other" } };
  t.runtime.put({ ...foreign, id: "hello-0" });
  await assert.rejects(
    t.service.ensure(ensureRequest(), never),
    (error) =>
      error instanceof AgentError && error.code === "WORKER_CONFLICT" && /other, not to gateway/.test(error.message),
  );
  assert.equal(t.runtime.count("destroy"), 0);
});

test("each slot is a worker of its own", async () => {
  await using t = await testService();
  await Promise.all([0, 1, 2].map((slot) => t.service.ensure(ensureRequest({ slot }), never)));
  assert.deepEqual([...t.runtime.workers.keys()].sort(), ["hello-0", "hello-1", "hello-2"]);
});
