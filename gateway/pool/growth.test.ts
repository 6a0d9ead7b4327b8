import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "../testing/fake-clock.ts";
import { definition, setUpPool } from "../testing/pool-setup.ts";

const five = { max: 5 };

test("G6: 20 requests at once, max 5: five workers, one request each, all are served", async () => {
  const { pool, agent, lease } = setUpPool({}, five);
  const inUse = new Set<string>();
  let [served, most] = [0, 0];
  const requests = Array.from({ length: 20 }, async () => {
    const one = await lease();
    assert.ok(!inUse.has(one.worker.instanceId));
    inUse.add(one.worker.instanceId);
    most = Math.max(most, inUse.size);
    await settled();
    inUse.delete(one.worker.instanceId);
    served++;
    one.release("done");
  });
  await Promise.all(requests);
  assert.deepEqual([served, most], [20, 5]);
  assert.equal(agent.calls.length, 5);
  assert.deepEqual(pool.workerStates, Array(5).fill("idle"));
});

test("G6: a pool grows only when more wait than starts are under way, into the lowest free slot", async () => {
  const { pool, agent, lease } = setUpPool({}, five);
  agent.held.add("ensure");
  const first = pool.wait();
  await settled();
  const second = pool.wait();
  await settled();
  assert.equal(agent.calls.length, 2);
  agent.answer("ensure");
  agent.answer("ensure");
  const leases = await Promise.all([first.turn, second.turn]);
  assert.deepEqual(
    leases.map(({ worker }) => worker.slot),
    [0, 1],
  );
  leases[0]?.release("gone");
  agent.held.clear();
  assert.equal((await lease()).worker.slot, 0);
});

test("G6: most recently used first, so that the others freeze and go; then the most recently used frozen one", async () => {
  const { pool, agent, clock, lease } = setUpPool({}, five);
  const three = [await lease(), await lease(), await lease()];
  for (const one of three) {
    await clock.advance(100);
    one.release("done");
  }
  for (let use = 0; use < 8; use++) {
    await clock.advance(200);
    const again = pool.tryLease();
    assert.equal(again?.worker.slot, 2);
    again?.release("done");
  }
  assert.deepEqual(pool.workerStates, ["frozen", "frozen", "idle"]);
  const [warm, thawed] = [pool.tryLease(), pool.tryLease()];
  assert.deepEqual([warm?.worker.slot, warm?.start], [2, "warm"]);
  assert.deepEqual([thawed?.worker.slot, thawed?.start], [1, "thawed"]);
  assert.deepEqual(agent.calls.slice(3), ["pause i1", "pause i2", "resume i2"]);
});

test("G6: what grew for a burst is destroyed when it has idled", async () => {
  const { pool, clock, lease } = setUpPool({}, five);
  const burst = await Promise.all([lease(), lease(), lease()]);
  for (const one of burst) one.release("done");
  await clock.advance(300_000);
  assert.deepEqual(pool.workerStates, []);
  assert.equal(clock.timers, 0);
});

test("G6: a start that nobody needs any more leaves the queue; one that has begun goes on if its worker was served otherwise", async () => {
  const { pool, agent, lease } = setUpPool({ startsAtOnce: 2 }, five);
  const busy = await lease();
  agent.held.add("ensure");
  const [a, b] = [pool.wait(), pool.wait()];
  await settled();
  assert.deepEqual(agent.calls.slice(1), ["ensure a"], "one of two places, the other start waits for its turn");
  busy.release("done");
  const served = await a.turn;
  agent.answer("ensure");
  await b.turn;
  await settled();
  assert.equal(agent.pending.length, 0, "the second start was never made");
  served.release("done");
});

test("G6: a client that leaves takes a start with it that has begun", async () => {
  const { pool, agent } = setUpPool({}, five);
  agent.held.add("ensure");
  const [a, b] = [pool.wait(), pool.wait()];
  await settled();
  const left = assert.rejects(a.turn, { reason: "left" });
  a.leave();
  await left;
  assert.equal(agent.calls.filter((call) => call.endsWith("cancelled")).length, 1);
  agent.answer("ensure");
  assert.equal((await b.turn).start, "cold");
});

test("G6: a start fails while a worker is busy: who waits is served by that one", async () => {
  const { pool, agent, lease } = setUpPool({}, five);
  const busy = await lease();
  agent.held.add("ensure");
  const waiting = pool.wait();
  await settled();
  agent.answer("ensure", new Error("no disk"));
  await settled();
  assert.equal(pool.waiting, 1);
  busy.release("done");
  assert.equal((await waiting.turn).worker.instanceId, busy.worker.instanceId);
});

test("G6: a start fails while a worker is busy: it is tried again a second later, not at once", async () => {
  const { pool, agent, clock, lease } = setUpPool({}, five);
  await lease();
  agent.held.add("ensure");
  const waiting = pool.wait();
  await settled();
  agent.answer("ensure", new Error("no disk"));
  await settled();
  await clock.advance(999);
  assert.equal(agent.pending.length, 0);
  agent.held.clear();
  await clock.advance(1);
  assert.equal((await waiting.turn).worker.slot, 1);
});

test("G6: only when the last of several starts has failed is everyone sent home, with its error", async () => {
  const { pool, agent } = setUpPool({}, five);
  agent.held.add("ensure");
  const both = [pool.wait(), pool.wait()];
  const ends = both.map(({ turn }) => assert.rejects(turn, /second/));
  await settled();
  agent.answer("ensure", new Error("first"));
  await settled();
  assert.equal(pool.waiting, 2);
  agent.answer("ensure", new Error("second"));
  await Promise.all(ends);
});

test("G6 L2: a timed-out worker never serves the next request: that gets another, while the first is destroyed", async () => {
  const { pool, agent, lease } = setUpPool({}, five);
  const late = await lease();
  agent.held.add("destroy");
  late.release("broken");
  const next = await lease();
  assert.notEqual(next.worker.instanceId, late.worker.instanceId);
  assert.deepEqual(pool.workerStates, ["destroying", "busy"]);
});

test("G4: max is lowered: unused ones go, busy ones when they are done; idle times of the function hold at once", async () => {
  const { pool, clock, lease } = setUpPool({}, five);
  const three = await Promise.all([lease(), lease(), lease()]);
  three[1]?.release("done");
  pool.redefine(definition("a", "f", { max: 1 }));
  await settled();
  assert.deepEqual(pool.workerStates, ["busy", "busy"]);
  three[0]?.release("done");
  await settled();
  assert.deepEqual(pool.workerStates, ["busy"]);
  three[2]?.release("done");
  const idle = { freezeAfterMs: 50, destroyAfterMs: 5000 };
  pool.redefine(definition("a", "f", { max: 1 }, { idle }));
  await clock.advance(50);
  assert.deepEqual(pool.workerStates, ["frozen"]);
  await clock.advance(4950);
  assert.deepEqual(pool.workerStates, []);
});

test("G6: the events of all who wait take no more than they may, over all functions", async () => {
  const { pool, lease } = setUpPool({ queueBytes: 100 });
  const busy = await lease();
  const first = pool.wait({ bytes: 60 });
  assert.throws(() => pool.wait({ bytes: 60 }), { reason: "queue-full" });
  busy.release("done");
  (await first.turn).release("done");
  await lease();
  const second = pool.wait({ bytes: 100 });
  second.leave();
  await assert.rejects(second.turn);
  pool.wait({ bytes: 100 });
});
