import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "../testing/fake-clock.ts";
import { definition, type FakeConnection, poolOptions, setUpPool, workerInfo } from "../testing/pool-setup.ts";
import { Pools } from "./pools.ts";

test("a worker from before is taken over: frozen when idle, looked at by the agent before it serves", async () => {
  const { pool, agent, clock, lease } = setUpPool();
  pool.onSnapshot([workerInfo("old")]);
  assert.deepEqual(pool.workerStates, ["idle"]);
  await clock.advance(1000);
  assert.deepEqual(agent.calls, ["pause old"]);
  agent.nextKind = "thawed";
  const served = await lease();
  assert.equal(served.start, "thawed");
  assert.deepEqual(agent.calls, ["pause old", "ensure a"]);
});

test("a frozen one stays frozen and is destroyed in time", async () => {
  const { pool, agent, clock } = setUpPool();
  pool.onSnapshot([workerInfo("old", { state: "paused" })]);
  assert.deepEqual(pool.workerStates, ["frozen"]);
  await clock.advance(300_000);
  assert.deepEqual(agent.calls, ["destroy old"]);
});

test("the agent cannot look at it now: it is still there afterwards", async () => {
  const { pool, agent } = setUpPool();
  pool.onSnapshot([workerInfo("old", { state: "paused" })]);
  agent.held.add("ensure");
  const failed = assert.rejects(pool.wait().turn, /away/);
  agent.answer("ensure", new Error("away"));
  await failed;
  assert.deepEqual(pool.workerStates, ["frozen"]);
});

test("a snapshot without the worker: it is gone, unless it is busy", async () => {
  const { pool, lease } = setUpPool();
  const busy = await lease();
  pool.onSnapshot([]);
  assert.deepEqual(pool.workerStates, ["busy"]);
  busy.release("done");
  pool.onSnapshot([]);
  assert.deepEqual(pool.workerStates, []);
});

test("another has taken the worker's place: that one is taken over", async () => {
  const { pool, lease } = setUpPool();
  const first = await lease();
  first.release("done");
  pool.onSnapshot([workerInfo("new")]);
  assert.deepEqual(pool.workerStates, ["idle"]);
  assert.equal(first.connection.closed, true);
});

test("frozen by somebody else: thawed with the next request; while busy, at once", async () => {
  const { pool, agent, lease } = setUpPool();
  const first = await lease();
  pool.onChanged({ ...first.worker, state: "paused" });
  assert.deepEqual(agent.calls, ["ensure a", "resume i1"]);
  await settled();
  first.release("done");
  pool.onChanged({ ...first.worker, state: "paused" });
  assert.deepEqual(pool.workerStates, ["frozen"]);
  assert.equal(pool.tryLease()?.start, "thawed");
});

test("thawed by somebody else: frozen again when it has idled, and thawed with a request whatever is true", async () => {
  const { pool, agent, clock, lease } = setUpPool();
  const first = await lease();
  first.release("done");
  await clock.advance(1000);
  pool.onChanged({ ...first.worker, state: "running" });
  const again = pool.tryLease();
  assert.equal(again?.start, "thawed");
  assert.equal(again?.thaw?.wasFrozen, false);
  await settled();
  again?.release("done");
  await clock.advance(1000);
  pool.onChanged({ ...first.worker, state: "running" });
  await clock.advance(1000);
  assert.deepEqual(agent.calls, ["ensure a", "pause i1", "resume i1", "pause i1", "pause i1"]);
});

test("workers of functions that are gone, and of slots that are not used, are destroyed", async () => {
  const { options, agent } = poolOptions();
  const pools = new Pools<FakeConnection>(options);
  pools.onFunctions(new Map([["f", definition()]]));
  pools.onSnapshot([workerInfo("1"), workerInfo("2", { slot: 1 }), workerInfo("3", { function: "gone" })]);
  await settled();
  assert.deepEqual(agent.calls.sort(), ["destroy 2", "destroy 3"]);
  pools.onFunctions(new Map([["f", definition()]]));
  assert.deepEqual(pools.status(), [{ function: "f", waiting: 0, workerStates: ["idle"], evictions: 0 }]);
});

test("a function that is removed and comes back while its worker is busy keeps one pool", async () => {
  const { options, agent } = poolOptions();
  const pools = new Pools<FakeConnection>(options);
  pools.onFunctions(new Map([["f", definition()]]));
  const pool = pools.get(definition());
  const busy = await pool.wait().turn;
  pools.onFunctions(new Map());
  pools.onFunctions(new Map([["f", definition()]]));
  assert.equal(pools.get(definition()), pool);
  busy.release("done");
  await settled();
  assert.deepEqual(agent.calls, ["ensure a"]);
});

test("the last client goes when the worker is made but the answer not here yet: it is taken over", async () => {
  const { pool, agent, clock } = setUpPool();
  agent.held.add("ensure");
  const waiting = pool.wait();
  const left = assert.rejects(waiting.turn);
  pool.onChanged(workerInfo("i1"));
  waiting.leave();
  await left;
  assert.deepEqual(pool.workerStates, ["idle"]);
  await clock.advance(1000);
  assert.deepEqual(agent.calls.slice(-1), ["pause i1"]);
});

test("the same, but the agent has undone it already", async () => {
  const { pool, agent } = setUpPool();
  agent.held.add("ensure");
  const waiting = pool.wait();
  const left = assert.rejects(waiting.turn);
  pool.onChanged(workerInfo("i1"));
  pool.onRemoved(workerInfo("i1"), "destroyed");
  waiting.leave();
  await left;
  assert.deepEqual(pool.workerStates, []);
});

test("S4: all slots are taken over as they are: frozen ones frozen, each looked at in its own slot before it serves", async () => {
  const { pool, agent, lease } = setUpPool({}, { max: 3 });
  pool.onSnapshot([
    workerInfo("x", { slot: 4, state: "paused" }),
    workerInfo("y", { slot: 2 }),
    workerInfo("z", { slot: 7, state: "paused" }),
  ]);
  assert.deepEqual(pool.workerStates, ["frozen", "idle", "frozen"]);
  agent.nextKind = "warm";
  const all = await Promise.all([lease(), lease(), lease()]);
  assert.deepEqual(all.map(({ worker }) => worker.slot).sort(), [2, 4, 7]);
  assert.equal(agent.calls.length, 3);
});

test("S4: a worker that was frozen long ago is destroyed when its time is over, counted from then", async () => {
  const { pool, agent, clock } = setUpPool({}, { max: 3 });
  const nowMs = clock.epochMs();
  pool.onSnapshot([
    workerInfo("old", { state: "paused", lastAccessMs: nowMs - 290_000 }),
    workerInfo("older", { slot: 1, state: "paused", lastAccessMs: nowMs - 900_000 }),
    workerInfo("fresh", { slot: 2, state: "running", lastAccessMs: nowMs - 900_000 }),
  ]);
  assert.deepEqual(agent.calls, ["destroy older"]);
  await clock.advance(10_000);
  assert.deepEqual(agent.calls.slice(1).sort(), ["destroy old", "pause fresh"]);
});

test("S1: frozen while a look at it is given up: it is frozen all the same, and goes in time", async () => {
  const { pool, agent, clock } = setUpPool();
  pool.onSnapshot([workerInfo("old")]);
  agent.held.add("pause").add("ensure");
  await clock.advance(1000);
  const waiting = pool.wait();
  const left = assert.rejects(waiting.turn);
  agent.answer("pause");
  await settled();
  waiting.leave();
  await left;
  agent.held.clear();
  await clock.advance(0);
  agent.answer("pause");
  await clock.advance(0);
  assert.deepEqual(pool.workerStates, ["frozen"]);
  await clock.advance(300_000);
  assert.deepEqual(agent.calls, ["pause old", "ensure a", "ensure a cancelled", "pause old", "destroy old"]);
});

test("S1: a look at a frozen worker is given up when the agent may have thawed it: it is frozen again", async () => {
  const { pool, agent, clock } = setUpPool();
  pool.onSnapshot([workerInfo("old", { state: "paused" })]);
  agent.held.add("ensure");
  const waiting = pool.wait();
  const left = assert.rejects(waiting.turn);
  pool.onChanged(workerInfo("old"));
  waiting.leave();
  await left;
  await clock.advance(1000);
  assert.deepEqual(agent.calls, ["ensure a", "ensure a cancelled", "pause old"]);
  assert.deepEqual(pool.workerStates, ["frozen"]);
});

for (const [how, gone] of [
  [
    "the agent tells of its end",
    (pool: ReturnType<typeof setUpPool>["pool"]) => pool.onRemoved(workerInfo("old"), "exited"),
  ],
  ["the agent's list has it no more", (pool: ReturnType<typeof setUpPool>["pool"]) => pool.onSnapshot([])],
] as const) {
  test(`S3: a worker ends while the agent looks at it, and the look comes to nothing: ${how}`, async () => {
    const { pool, agent } = setUpPool();
    pool.onSnapshot([workerInfo("old", { state: "paused" })]);
    agent.held.add("ensure");
    const failed = assert.rejects(pool.wait().turn, /cannot/);
    gone(pool);
    agent.answer("ensure", new Error("cannot"));
    await failed;
    assert.deepEqual(pool.workerStates, []);
  });
}

test("S7: a busy worker that the agent's list has no more serves nobody else, unless it is told of again", async () => {
  const { pool, lease } = setUpPool();
  const first = await lease();
  pool.onSnapshot([]);
  first.release("done");
  assert.deepEqual(pool.workerStates, []);
  const second = await lease();
  pool.onSnapshot([]);
  pool.onChanged(second.worker);
  second.release("done");
  assert.deepEqual(pool.workerStates, ["idle"]);
});

test("S5: a worker from before cannot be looked at while another serves: it is tried once a second", async () => {
  const { pool, agent, clock, lease } = setUpPool({}, { max: 2 });
  const busy = await lease();
  pool.onSnapshot([busy.worker, workerInfo("old", { slot: 1 })]);
  agent.held.add("ensure");
  const waiting = pool.wait();
  for (const looks of [2, 3]) {
    agent.answer("ensure", new Error("away"));
    await settled();
    assert.equal(agent.pending.length, 0);
    await clock.advance(1000);
    assert.equal(agent.calls.filter((call) => call === "ensure a").length, looks + 1);
  }
  agent.answer("ensure");
  assert.equal((await waiting.turn).worker.slot, 1);
});
