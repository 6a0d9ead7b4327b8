import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "../testing/fake-clock.ts";
import { definition, setUpPool, workerInfo } from "../testing/pool-setup.ts";

const changed = definition("b", "f", { max: 2 });

test("G4: a changed function: new requests go to new workers at once, though all old ones are busy", async () => {
  const { pool, agent, lease } = setUpPool({}, { max: 2 });
  const old = [await lease(), await lease()];
  pool.redefine(changed);
  const fresh = await Promise.all([lease(), lease()]);
  assert.deepEqual(
    fresh.map(({ worker, definition: made }) => [worker.slot, made.image]),
    [
      [2, "b"],
      [3, "b"],
    ],
  );
  for (const one of old) one.release("done");
  await settled();
  assert.deepEqual(agent.calls.slice(-2), ["destroy i1", "destroy i2"]);
  assert.deepEqual(pool.workerStates, ["busy", "busy"]);
});

test("G4: unused old workers go at once, frozen ones too, and no request waits for their end", async () => {
  const { pool, agent, clock, lease } = setUpPool({}, { max: 2 });
  const old = [await lease(), await lease()];
  old[0]?.release("done");
  await clock.advance(1000);
  old[1]?.release("done");
  agent.held.add("destroy");
  pool.redefine(changed);
  assert.deepEqual(pool.workerStates, ["destroying", "destroying"]);
  assert.equal((await lease()).definition.image, "b");
});

test("G4: who waits when the function changes gets a new worker", async () => {
  const { pool, lease } = setUpPool({}, { max: 1 });
  const busy = await lease();
  const waiting = pool.wait();
  pool.redefine(definition("b", "f", { max: 1 }));
  assert.equal((await waiting.turn).definition.image, "b");
  busy.release("done");
});

test("G4: changed back while old workers are busy: they are right again", async () => {
  const { pool, agent, lease } = setUpPool({}, { max: 2 });
  const old = await lease();
  pool.redefine(changed);
  pool.redefine(definition("a", "f", { max: 2 }));
  old.release("done");
  await settled();
  assert.deepEqual(agent.calls, ["ensure a"]);
  assert.equal(pool.tryLease()?.worker.instanceId, old.worker.instanceId);
});

test("G4: only concurrency or idle times change: no worker is replaced", async () => {
  const { pool, agent, lease } = setUpPool({}, { max: 2 });
  const idle = { freezeAfterMs: 5, destroyAfterMs: 50_000 };
  const busy = await lease();
  pool.redefine(definition("a", "f", { max: 3, reserved: 1 }, { idle }));
  busy.release("done");
  await settled();
  assert.deepEqual(agent.calls, ["ensure a"]);
});

test("G4: a removed function drains: busy workers go when they are done, then nothing is left", async () => {
  const { pool, lease } = setUpPool({}, { max: 2 });
  const [first, second] = [await lease(), await lease()];
  first.release("done");
  pool.redefine(undefined);
  await settled();
  assert.deepEqual(pool.workerStates, ["busy"]);
  second.release("done");
  await settled();
  assert.equal(pool.finished, true);
});

test("G4: the function changes when the agent has told of a new worker and not yet answered: nobody gets that one", async () => {
  const { pool, agent } = setUpPool({}, { max: 2 });
  agent.held.add("ensure");
  const waiting = pool.wait();
  await settled();
  pool.onChanged(workerInfo("i1"));
  agent.held.clear();
  pool.redefine(changed);
  assert.equal((await waiting.turn).definition.image, "b");
  assert.deepEqual(agent.calls, ["ensure a", "ensure a cancelled", "destroy i1", "ensure b"]);
});

test("G4: an old worker that cannot be destroyed is no failure of the new ones: nobody is turned away or kept waiting", async () => {
  const { pool, agent, lease, troubles } = setUpPool({}, { max: 2 });
  (await lease()).release("done");
  agent.held.add("destroy");
  pool.redefine(changed);
  agent.held.add("ensure");
  const first = pool.wait();
  await settled();
  agent.answer("destroy", new Error("away"));
  await settled();
  assert.deepEqual(troubles, ["destroy"]);
  const second = pool.wait();
  await settled();
  assert.deepEqual(agent.calls.slice(-2), ["ensure b", "ensure b"], "the second start is not held back");
  agent.answer("ensure");
  agent.answer("ensure");
  assert.deepEqual(
    (await Promise.all([first.turn, second.turn])).map(({ worker }) => worker.slot),
    [1, 2],
  );
});
