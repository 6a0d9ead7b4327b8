import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "../testing/fake-clock.ts";
import { AgentLost, definition, FakeInFlight, poolOptions, setUpPool, workerInfo } from "../testing/pool-setup.ts";
import type { LeaseOutcome } from "./lease.ts";
import { Pools } from "./pools.ts";

test("G6 S4: a worker is marked as long as it has a request", async () => {
  const inFlight = new FakeInFlight();
  const { lease, clock } = setUpPool({ inFlight });
  const cold = await lease();
  assert.deepEqual([...inFlight.marked], ["i1"]);
  cold.release("done");
  assert.deepEqual([...inFlight.marked], []);
  await clock.advance(1000);
  const thawed = await lease();
  assert.equal(thawed.start, "thawed");
  assert.deepEqual([...inFlight.marked], ["i1"]);
  thawed.release("done");
  assert.deepEqual([...inFlight.marked], []);
});

test("G6: between an answer and the next request, which waits already, the mark stands", async () => {
  const inFlight = new FakeInFlight();
  const cleared: string[] = [];
  inFlight.clear = (instanceId) => cleared.push(instanceId);
  const { pool, lease } = setUpPool({ inFlight });
  const first = await lease();
  const second = pool.wait().turn;
  first.release("done");
  assert.equal((await second).worker.instanceId, "i1");
  assert.deepEqual(cleared, []);
});

test("S5 S4: a worker that could not be thawed for its request has been sent nothing, and is not marked", async () => {
  const inFlight = new FakeInFlight();
  const { clock, lease, pool } = setUpPool({ inFlight });
  (await lease()).release("done");
  await clock.advance(1000);
  const thawing = pool.tryLease();
  assert.deepEqual([...inFlight.marked], ["i1"]);
  thawing?.release("frozen");
  assert.deepEqual([...inFlight.marked], []);
});

for (const outcome of ["broken", "gone"] satisfies LeaseOutcome[]) {
  test(`G6 S4: a worker whose request ended as ${outcome} is marked until it is gone`, async () => {
    const inFlight = new FakeInFlight();
    const { agent, clock, lease } = setUpPool({ inFlight });
    agent.held.add("destroy");
    (await lease()).release(outcome);
    assert.deepEqual([...inFlight.marked], outcome === "broken" ? ["i1"] : []);
    if (outcome === "gone") return;
    agent.answer("destroy", new Error("cannot"));
    await settled();
    assert.deepEqual([...inFlight.marked], ["i1"]);
    await clock.advance(1000);
    agent.answer("destroy");
    await settled();
    assert.deepEqual([...inFlight.marked], []);
  });
}

for (const state of ["running", "paused"] as const) {
  test(`G6 S4: a ${state} worker that has a request from the life before is destroyed at once; its neighbours stay`, async () => {
    const inFlight = new FakeInFlight(["busy"]);
    const found: string[] = [];
    const { pool, agent, lease } = setUpPool({ inFlight, onFoundBusy: ({ id }) => found.push(id) }, { max: 3 });
    agent.held.add("destroy");
    pool.onSnapshot([
      workerInfo("idle", { slot: 1 }),
      workerInfo("busy", { state }),
      workerInfo("frozen", { slot: 2, state: "paused" }),
    ]);
    assert.deepEqual(agent.calls, ["destroy busy 0"]);
    assert.deepEqual(pool.workerStates.toSorted(), ["destroying", "frozen", "idle"]);
    assert.deepEqual(found, ["f-0"]);
    const served = [await lease(), await lease()];
    assert.deepEqual(served.map(({ worker }) => worker.slot).sort(), [1, 2]);
    assert.ok(inFlight.marked.has("busy"), "until it is gone");
    agent.answer("destroy");
    await settled();
    assert.ok(!inFlight.marked.has("busy"));
    assert.equal((await lease()).worker.slot, 0);
  });
}

test("G6 S4: min is restored while a worker from the life before goes", async () => {
  const { options, agent } = poolOptions({ inFlight: new FakeInFlight(["busy"]) });
  const pools = new Pools(options);
  pools.onFunctions(new Map([["f", definition("a", "f", { min: 2, max: 3 })]]));
  agent.held.add("destroy");
  pools.onSnapshot([workerInfo("busy"), workerInfo("idle", { slot: 1 })]);
  await settled();
  assert.deepEqual(agent.calls, ["destroy busy 0", "ensure a"]);
  assert.deepEqual(pools.status()[0]?.workerStates.toSorted(), ["destroying", "idle", "idle"]);
});

test("G6 S4: what goes because it was left busy is made anew at once, although nobody waits", async () => {
  const { options, agent, clock } = poolOptions({ inFlight: new FakeInFlight(["busy", "busy too"]) });
  const pools = new Pools(options);
  pools.onFunctions(new Map([["f", definition("a", "f", { min: 0, max: 10 })]]));
  pools.onSnapshot([workerInfo("busy"), workerInfo("idle", { slot: 1 }), workerInfo("busy too", { slot: 2 })]);
  await settled();
  assert.deepEqual(pools.status()[0]?.workerStates.toSorted(), ["idle", "idle", "idle"]);
  await clock.advance(options.limits.destroyAfterMs + 60_000);
  assert.deepEqual(pools.status()[0]?.workerStates, [], "they go like any other when they are idle for long");
  assert.equal(agent.calls.filter((call) => call.startsWith("ensure")).length, 2);
});

test("G6 S4: one that the agent tells of only after its list is replaced as well", async () => {
  const { pool, agent } = setUpPool({ inFlight: new FakeInFlight(["late"]) }, { max: 2 });
  pool.onChanged(workerInfo("late"));
  await settled();
  assert.deepEqual(agent.calls, ["destroy late 0", "ensure a"]);
  assert.deepEqual(pool.workerStates, ["idle"]);
});

test("G6 S4: one that cannot be made anew is left to the requests to come, and keeps no idle one from going", async () => {
  const { options, agent, clock } = poolOptions({ inFlight: new FakeInFlight(["busy"]) });
  const pools = new Pools(options);
  pools.onFunctions(new Map([["f", definition("a", "f", { max: 3 })]]));
  agent.held.add("ensure");
  pools.onSnapshot([workerInfo("busy"), workerInfo("idle", { slot: 1 })]);
  await settled();
  agent.answer("ensure", new Error("the image is gone"));
  await clock.advance(options.limits.destroyAfterMs);
  assert.equal(agent.calls.filter((call) => call.startsWith("ensure")).length, 1);
  assert.deepEqual(pools.status()[0]?.workerStates, []);
});

test("G6 S4 S5: one whose start an outage of the agent has ended is made once the agent is back", async () => {
  const { options, agent } = poolOptions({ inFlight: new FakeInFlight(["busy"]) });
  const pools = new Pools(options);
  pools.onFunctions(new Map([["f", definition("a", "f", { max: 3 })]]));
  agent.live = false;
  agent.held.add("ensure");
  pools.onSnapshot([workerInfo("busy")]);
  await settled();
  agent.answer("ensure", new AgentLost());
  await settled();
  agent.held.clear();
  agent.live = true;
  pools.onSnapshot([]);
  await settled();
  assert.deepEqual(pools.status()[0]?.workerStates, ["idle"]);
});

test("G6 S4: a functions.yml that leaves the function as it is does not keep it cold", async () => {
  const { options, agent } = poolOptions({ inFlight: new FakeInFlight(["busy"]) });
  const pools = new Pools(options);
  const functions = () => new Map([["f", definition("a", "f", { max: 1 })]]);
  pools.onFunctions(functions());
  agent.held.add("destroy");
  pools.onSnapshot([workerInfo("busy")]);
  pools.onFunctions(functions());
  agent.answer("destroy");
  await settled();
  assert.deepEqual(pools.status()[0]?.workerStates, ["idle"]);
});

test("G6 S4: no more are made than max allows", async () => {
  const { options, agent } = poolOptions({ inFlight: new FakeInFlight(["busy", "busy too"]) });
  const pools = new Pools(options);
  pools.onFunctions(new Map([["f", definition("a", "f", { min: 0, max: 2 })]]));
  agent.held.add("destroy");
  pools.onSnapshot([workerInfo("busy"), workerInfo("busy too", { slot: 1 })]);
  await settled();
  assert.ok(!agent.calls.some((call) => call.startsWith("ensure")));
  agent.answer("destroy");
  await settled();
  assert.equal(agent.calls.filter((call) => call.startsWith("ensure")).length, 1);
});

test("G6 S4: a request comes before the agent has told of the workers, and its start finds a busy one: another serves it", async () => {
  const inFlight = new FakeInFlight(["i1"]);
  const { pool, agent } = setUpPool({ inFlight }, { max: 2 });
  agent.nextKind = "warm";
  agent.held.add("destroy");
  const waiting = pool.wait();
  const served = await waiting.turn;
  assert.equal(served.worker.instanceId, "i2");
  assert.deepEqual(agent.calls, ["ensure a", "destroy i1 0", "ensure a"]);
});

test("G6 S4: the same, with one worker at most: the request waits until the busy one is gone", async () => {
  const { pool, agent } = setUpPool({ inFlight: new FakeInFlight(["i1"]) });
  agent.nextKind = "warm";
  agent.held.add("destroy");
  const waiting = pool.wait();
  await settled();
  assert.deepEqual(agent.calls, ["ensure a", "destroy i1 0"]);
  agent.answer("destroy");
  assert.equal((await waiting.turn).worker.instanceId, "i2");
});

test("G6 S4: a busy worker that could not be destroyed and then was not listed is not taken back when it is told of", async () => {
  const inFlight = new FakeInFlight(["busy"]);
  const { pool, agent } = setUpPool({ inFlight });
  agent.held.add("destroy");
  pool.onSnapshot([workerInfo("busy")]);
  agent.answer("destroy", new Error("cannot"));
  await settled();
  pool.onSnapshot([]);
  assert.ok(inFlight.marked.has("busy"));
  pool.onChanged(workerInfo("busy"));
  assert.equal(pool.tryLease(), undefined);
});

test("G6 S4: a busy worker of a function that is gone is destroyed without grace", () => {
  const { options, agent } = poolOptions({ inFlight: new FakeInFlight(["busy"]) });
  const pools = new Pools(options);
  pools.onFunctions(new Map());
  pools.onSnapshot([workerInfo("busy"), workerInfo("idle", { slot: 1 })]);
  assert.deepEqual(agent.calls, ["destroy busy 0", "destroy idle"]);
});
