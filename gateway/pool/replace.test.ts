import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "../testing/fake-clock.ts";
import { definition, setUpPool, workerInfo } from "../testing/pool-setup.ts";

test("a broken worker is destroyed without grace before another is made", async () => {
  const { pool, agent, lease } = setUpPool();
  const first = await lease();
  agent.held.add("destroy");
  const next = pool.wait();
  first.release("broken");
  await settled();
  assert.deepEqual(agent.calls, ["ensure a", "destroy i1 0"]);
  assert.equal(first.connection.closed, true);
  agent.answer("destroy");
  assert.equal((await next.turn).worker.instanceId, "i2");
});

test("a worker that cannot be destroyed never serves again; it is tried again in time and for the next request", async () => {
  const { pool, agent, clock, lease, troubles } = setUpPool();
  const first = await lease();
  agent.held.add("destroy");
  const refused = assert.rejects(pool.wait().turn, /away/);
  first.release("broken");
  agent.answer("destroy", new Error("away"));
  await refused;
  assert.deepEqual(pool.workerStates, ["condemned"]);
  assert.deepEqual(troubles, ["destroy"]);
  await clock.advance(1000);
  assert.equal(agent.calls.filter((call) => call.startsWith("destroy")).length, 2);
  agent.answer("destroy", new Error("away"));
  await settled();
  agent.held.delete("destroy");
  assert.equal((await lease()).worker.instanceId, "i2");
});

test("a worker that is gone is not destroyed again", async () => {
  const { agent, lease } = setUpPool();
  (await lease()).release("gone");
  assert.equal((await lease()).worker.instanceId, "i2");
  assert.deepEqual(agent.calls, ["ensure a", "ensure a"]);
});

test("a changed definition: an idle worker goes at once, a busy one when it is done", async () => {
  const { pool, agent, lease } = setUpPool();
  (await lease()).release("done");
  pool.redefine(definition("b"));
  await settled();
  const busy = await lease();
  assert.equal(busy.definition.image, "b");
  pool.redefine(definition("c"));
  await settled();
  assert.deepEqual(agent.calls, ["ensure a", "destroy i1", "ensure b"]);
  busy.release("done");
  await settled();
  assert.equal(agent.calls.at(-1), "destroy i2");
  assert.equal((await lease()).definition.image, "c");
});

test("the same definition read again changes nothing", async () => {
  const { pool, agent, lease } = setUpPool();
  const busy = await lease();
  pool.redefine(definition());
  busy.release("done");
  pool.redefine(definition());
  await settled();
  assert.deepEqual(agent.calls, ["ensure a"]);
});

test("a removed function: its worker goes once it is idle, then nothing is left", async () => {
  const { pool, agent, lease } = setUpPool();
  const busy = await lease();
  pool.redefine(undefined);
  assert.equal(pool.finished, false);
  busy.release("done");
  await settled();
  assert.deepEqual(agent.calls, ["ensure a", "destroy i1"]);
  assert.equal(pool.finished, true);
});

test("the agent says that the worker is gone: the next request starts a new one", async () => {
  const { pool, lease } = setUpPool();
  const first = await lease();
  first.release("done");
  pool.onRemoved(workerInfo("other"), "exited");
  assert.deepEqual(pool.workerStates, ["idle"]);
  pool.onRemoved(first.worker, "exited");
  assert.deepEqual(pool.workerStates, []);
  assert.equal(first.connection.closed, true);
  assert.equal((await lease()).start, "cold");
});

test("the agent says that a busy worker is gone: its request is told, and it is not used again", async () => {
  const { pool, agent, lease } = setUpPool();
  const busy = await lease();
  const reasons: string[] = [];
  busy.onRemoved((reason) => reasons.push(reason));
  pool.onRemoved(busy.worker, "out-of-memory");
  assert.deepEqual(reasons, ["out-of-memory"]);
  busy.release("broken");
  await settled();
  assert.deepEqual(agent.calls, ["ensure a"]);
  assert.deepEqual(pool.workerStates, []);
});

test("word of a worker that was destroyed comes late: it is not taken back", async () => {
  const { pool, lease } = setUpPool();
  const first = await lease();
  first.release("broken");
  await settled();
  pool.onChanged(first.worker);
  assert.deepEqual(pool.workerStates, []);
});

test("the agent says that a leased worker is gone before anybody listens: the reason is told all the same", async () => {
  const { pool, lease } = setUpPool();
  const busy = await lease();
  pool.onRemoved(busy.worker, "out-of-memory");
  const reasons: string[] = [];
  busy.onRemoved((reason) => reasons.push(reason));
  assert.deepEqual(reasons, ["out-of-memory"]);
});

for (const released of ["before", "after"]) {
  test(`an Ensure's answer overtook an older list: told of again, its worker is back, released ${released} the list`, async () => {
    const { pool, agent, lease } = setUpPool();
    const served = await lease();
    if (released === "before") served.release("done");
    pool.onSnapshot([]);
    if (released === "after") served.release("done");
    assert.deepEqual(pool.workerStates, []);
    pool.onChanged(served.worker);
    assert.deepEqual(pool.workerStates, ["idle"]);
    await lease();
    assert.deepEqual(agent.calls.at(-1), "ensure a", "the agent looks at it first");
    assert.deepEqual(pool.workerStates, ["busy"]);
  });
}

test("a broken worker that a list did not have is destroyed all the same: told of again, it would serve", async () => {
  const { pool, agent, lease } = setUpPool();
  const broken = await lease();
  pool.onSnapshot([]);
  broken.release("broken");
  await settled();
  assert.deepEqual(agent.calls, ["ensure a", "destroy i1 0"]);
  pool.onChanged(broken.worker);
  assert.deepEqual(pool.workerStates, []);
});
