import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "../testing/fake-clock.ts";
import {
  definition,
  type FakeConnection,
  HandAgent,
  poolOptions,
  setUpPool,
  setUpPools,
  workerInfo,
} from "../testing/pool-setup.ts";
import { Pools } from "./pools.ts";

const two = { min: 2, max: 5 };

test("G6: min is there before anybody asks, freezes, and is never destroyed for idling", async () => {
  const { pool, agent, clock } = setUpPool({}, two);
  await settled();
  assert.deepEqual(pool.workerStates, ["idle", "idle"]);
  await clock.advance(3_000_000);
  assert.deepEqual(pool.workerStates, ["frozen", "frozen"]);
  assert.equal(
    agent.calls.some((call) => call.startsWith("destroy")),
    false,
  );
});

test("G6: what is beyond min goes, min stays", async () => {
  const { pool, clock, lease } = setUpPool({}, two);
  const four = await Promise.all([lease(), lease(), lease(), lease()]);
  for (const one of four) one.release("done");
  await clock.advance(600_000);
  assert.deepEqual(pool.workerStates, ["frozen", "frozen"]);
});

test("G6: a lost worker of min is restored at once", async () => {
  const { pool, agent } = setUpPool({}, two);
  await settled();
  pool.onRemoved(workerInfo("i1"), "exited");
  assert.deepEqual(pool.workerStates, ["starting", "idle"]);
  await settled();
  assert.deepEqual(pool.workerStates, ["idle", "idle"]);
  assert.equal(agent.calls.length, 3);
});

test("G6: min whose worker ends again and again right after its start is restored ever later", async () => {
  const { pool, agent, clock } = setUpPool({}, { min: 1 });
  await settled();
  const starts: number[] = [];
  for (let instance = 1; instance <= 7; instance++) {
    const [before, beganMs] = [agent.calls.length, clock.now()];
    pool.onRemoved(workerInfo(`i${instance}`), "exited");
    for (let step = 0; step < 100 && agent.calls.length === before; step++) await clock.advance(step === 0 ? 0 : 1000);
    starts.push(clock.now() - beganMs);
    await settled();
  }
  assert.deepEqual(starts, [0, 0, 0, 1000, 2000, 4000, 8000]);
});

test("G6 G8: a start for min that fails is tried again, ever later, and at once when the function changes", async () => {
  const { pool, agent, clock } = setUpPool({}, { min: 1 });
  const ensures = () => agent.calls.filter((call) => call.startsWith("ensure")).length;
  agent.held.add("ensure");
  await settled();
  pool.onRemoved(workerInfo("i1"), "exited");
  await settled();
  for (const waitMs of [1000, 2000]) {
    agent.answer("ensure", new Error("open"));
    await settled();
    const before = ensures();
    await clock.advance(waitMs - 1);
    assert.equal(ensures(), before);
    await clock.advance(1);
    assert.equal(ensures(), before + 1);
  }
  agent.answer("ensure", new Error("open"));
  await settled();
  agent.held.clear();
  pool.redefine(definition("b", "f", { min: 1 }));
  await settled();
  assert.deepEqual(pool.workerStates, ["idle"]);
});

test("G6: a request does not wait behind starts for min", async () => {
  const hand = new HandAgent();
  hand.held.add("ensure");
  const functions = [definition("m", "m", { min: 3, max: 3 }), definition("a", "f", { max: 2 })];
  const { poolOf } = setUpPools(functions, { startsAtOnce: 1, agent: hand });
  await settled();
  const waiting = poolOf("f").wait();
  await settled();
  assert.deepEqual(hand.calls, ["ensure m"]);
  hand.answer("ensure");
  await settled();
  assert.deepEqual(hand.calls, ["ensure m", "ensure a"]);
  hand.answer("ensure");
  assert.equal((await waiting.turn).start, "cold");
});

test("G6: a request takes the turn of its own function's start for min", async () => {
  const hand = new HandAgent();
  hand.held.add("ensure");
  const { poolOf } = setUpPools([definition("a", "f", { min: 3, max: 3 })], { startsAtOnce: 1, agent: hand });
  await settled();
  const both = [poolOf("f").wait(), poolOf("f").wait()];
  await settled();
  assert.equal(poolOf("f").workerStates.length, 3);
  hand.answer("ensure");
  await both[0]?.turn;
  await settled();
  hand.answer("ensure");
  assert.equal((await both[1]?.turn)?.start, "cold");
});

test("G6 S4: before the agent has told which workers there are nothing is started for min; then what lacks", async () => {
  const { options, agent } = poolOptions();
  const pools = new Pools<FakeConnection>(options);
  pools.onFunctions(new Map([["f", definition("a", "f", two)]]));
  await settled();
  assert.deepEqual(agent.calls, []);
  pools.onSnapshot([workerInfo("old", { slot: 3, state: "paused" })]);
  await settled();
  assert.deepEqual(agent.calls, ["ensure a"]);
  assert.deepEqual(pools.status()[0]?.workerStates, ["frozen", "idle"]);
});

test("G6 S4: the agent is back with other workers: min is what they lack, seen when all are known", async () => {
  const { pool, agent } = setUpPool({}, { min: 1, max: 3 });
  await settled();
  pool.onSnapshot([workerInfo("other", { slot: 2 })]);
  await settled();
  assert.deepEqual(agent.calls, ["ensure a"]);
  assert.deepEqual(pool.workerStates, ["idle"]);
});

test("G6: starts for min that failed while the agent was away do not keep min back once it is there again", async () => {
  const { pool, agent } = setUpPool({}, { min: 1 });
  agent.held.add("ensure");
  await settled();
  pool.onRemoved(workerInfo("i1"), "exited");
  await settled();
  agent.answer("ensure", new Error("away"));
  await settled();
  agent.held.clear();
  pool.onSnapshot([]);
  await settled();
  assert.deepEqual(pool.workerStates, ["idle"]);
});
