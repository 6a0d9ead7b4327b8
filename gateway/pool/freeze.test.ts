import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "../testing/fake-clock.ts";
import { AgentLost, setUpPool, WorkerMissing } from "../testing/pool-setup.ts";

const limits = { freezeAfterMs: 1000, destroyAfterMs: 300_000 };

test("an idle worker is frozen in time, its connection dropped before, and destroyed in time", async () => {
  const { pool, agent, clock, lease } = setUpPool();
  const served = await lease();
  served.release("done");
  await clock.advance(999);
  assert.deepEqual(pool.workerStates, ["idle"]);
  await clock.advance(1);
  assert.deepEqual(pool.workerStates, ["frozen"]);
  assert.equal(served.connection.drops, 1);
  await clock.advance(298_999);
  assert.deepEqual(pool.workerStates, ["frozen"]);
  await clock.advance(1);
  assert.deepEqual(pool.workerStates, []);
  assert.deepEqual(agent.calls, ["ensure a", "pause i1", "destroy i1"]);
  assert.equal(served.connection.closed, true);
  assert.equal(clock.timers, 0);
});

test("every use puts the freeze off", async () => {
  const { pool, clock, lease } = setUpPool();
  for (let use = 0; use < 5; use++) {
    const served = await lease();
    await clock.advance(100);
    served.release("done");
    await clock.advance(900);
    assert.deepEqual(pool.workerStates, ["idle"]);
  }
  await clock.advance(100);
  assert.deepEqual(pool.workerStates, ["frozen"]);
});

test("0 freezes at once, unless somebody waits", async () => {
  const { pool, agent, lease } = setUpPool({ limits: { ...limits, freezeAfterMs: 0 } });
  const first = await lease();
  const second = pool.wait();
  first.release("done");
  (await second.turn).release("done");
  await settled();
  assert.deepEqual(agent.calls, ["ensure a", "pause i1"]);
});

test("-1 never freezes", async () => {
  const { pool, agent, clock, lease } = setUpPool({ limits: { ...limits, freezeAfterMs: -1 } });
  (await lease()).release("done");
  await clock.advance(299_999);
  assert.deepEqual(pool.workerStates, ["idle"]);
  await clock.advance(1);
  assert.deepEqual(agent.calls, ["ensure a", "destroy i1"]);
});

test("a busy worker is not frozen", async () => {
  const { pool, agent, clock, lease } = setUpPool();
  (await lease()).release("done");
  await lease();
  await clock.advance(600_000);
  assert.deepEqual(pool.workerStates, ["busy"]);
  assert.deepEqual(agent.calls, ["ensure a"]);
});

test("a thaw goes out together with the request: the lease does not wait for it", async () => {
  const { pool, agent, clock, lease } = setUpPool();
  (await lease()).release("done");
  await clock.advance(1000);
  agent.held.add("resume");
  const thawed = pool.tryLease();
  assert.equal(thawed?.start, "thawed");
  assert.equal(thawed?.thaw?.wasFrozen, true);
  assert.equal(agent.calls.at(-1), "resume i1");
  thawed?.release("done");
  await clock.advance(1000);
  assert.deepEqual(pool.workerStates, ["idle"], "the next freeze waits for the thaw's answer");
  agent.answer("resume");
  await settled();
  assert.deepEqual(pool.workerStates, ["frozen"]);
});

test("a request that meets the freeze half-way: Resume goes right behind Pause", async () => {
  const { pool, agent, clock, lease } = setUpPool();
  (await lease()).release("done");
  agent.held.add("pause").add("resume");
  await clock.advance(1000);
  assert.deepEqual(pool.workerStates, ["freezing"]);
  const met = pool.tryLease();
  assert.equal(met?.start, "thawed");
  assert.equal(met?.thaw?.wasFrozen, false, "it may have read the request before it froze");
  assert.deepEqual(agent.calls.slice(-2), ["pause i1", "resume i1"]);
  agent.answer("pause");
  agent.answer("resume");
  await met?.thaw?.done;
  assert.equal(agent.calls.filter((call) => call === "resume i1").length, 1);
});

for (const [what, error] of [
  ["should the agent answer the Pause last", undefined],
  ["S1: should the agent go with the Pause unanswered behind the Resume", new AgentLost()],
] as const) {
  test(`${what}, Resume is sent once more`, async () => {
    const { pool, agent, clock, lease } = setUpPool();
    (await lease()).release("done");
    agent.held.add("pause");
    await clock.advance(1000);
    const met = pool.tryLease();
    await settled();
    agent.answer("pause", error);
    await met?.thaw?.done;
    assert.deepEqual(agent.calls.slice(-3), ["pause i1", "resume i1", "resume i1"]);
  });
}

test("a freeze that fails leaves the worker in use and is tried again", async () => {
  const { pool, agent, clock, lease, troubles } = setUpPool();
  (await lease()).release("done");
  agent.held.add("pause");
  await clock.advance(1000);
  agent.answer("pause", new Error("away"));
  await settled();
  assert.deepEqual(troubles, ["freeze"]);
  assert.equal(pool.tryLease()?.start, "warm");
  assert.equal(agent.calls.filter((call) => call === "pause i1").length, 1);
});

test("a freeze of a worker that is gone: the next request starts a new one", async () => {
  const { agent, clock, lease } = setUpPool();
  (await lease()).release("done");
  agent.held.add("pause");
  await clock.advance(1000);
  agent.answer("pause", new WorkerMissing());
  await settled();
  assert.equal((await lease()).start, "cold");
});

test("while nobody tells of changes the thaw comes first, then the request", async () => {
  const { pool, agent, clock, lease } = setUpPool();
  (await lease()).release("done");
  await clock.advance(1000);
  agent.live = false;
  agent.held.add("resume");
  assert.equal(pool.tryLease(), undefined);
  const waiting = pool.wait();
  assert.deepEqual(pool.workerStates, ["thawing"]);
  agent.answer("resume");
  const served = await waiting.turn;
  assert.equal(served.start, "thawed");
  assert.equal(served.thaw, undefined);
});

test("while the agent is away a frozen worker's requests fail and it stays frozen", async () => {
  const { pool, agent, clock, lease } = setUpPool();
  (await lease()).release("done");
  await clock.advance(1000);
  agent.live = false;
  agent.held.add("resume");
  const failed = assert.rejects(pool.wait().turn, /away/);
  agent.answer("resume", new Error("away"));
  await failed;
  assert.deepEqual(pool.workerStates, ["frozen"]);
  agent.live = true;
  assert.equal(pool.tryLease()?.start, "thawed");
});

test("the agent goes before it answers a Pause: the worker may be frozen, so its next request thaws it", async () => {
  const { pool, agent, clock, lease } = setUpPool();
  (await lease()).release("done");
  agent.held.add("pause");
  await clock.advance(1000);
  agent.answer("pause", new AgentLost());
  await settled();
  const served = pool.tryLease();
  assert.equal(served?.start, "thawed");
  assert.equal(served?.thaw?.wasFrozen, false, "it may have read the request at once");
  assert.equal(agent.calls.at(-1), "resume i1");
});

test("while the agent is away nothing is frozen; afterwards it is", async () => {
  const { pool, agent, clock, lease } = setUpPool();
  (await lease()).release("done");
  agent.live = false;
  await clock.advance(5000);
  assert.equal(pool.tryLease()?.start, "warm");
  assert.deepEqual(agent.calls, ["ensure a"]);
});

test("the agent is away when it is time to freeze, and comes back", async () => {
  const { pool, agent, clock, lease } = setUpPool();
  (await lease()).release("done");
  agent.live = false;
  await clock.advance(5500);
  agent.live = true;
  await clock.advance(1000);
  assert.deepEqual(pool.workerStates, ["frozen"]);
});

test("S1: a thaw that the agent does not answer leaves open whether the worker is frozen: it is frozen again", async () => {
  const { pool, agent, clock, lease } = setUpPool();
  (await lease()).release("done");
  await clock.advance(1000);
  agent.live = false;
  agent.held.add("resume");
  const failed = assert.rejects(pool.wait().turn, AgentLost);
  agent.answer("resume", new AgentLost());
  await failed;
  agent.live = true;
  await clock.advance(1000);
  assert.deepEqual(agent.calls, ["ensure a", "pause i1", "resume i1", "pause i1"]);
});

test("S5: a leased worker whose thaw met an outage stays, and is frozen again, since it may run", async () => {
  const { pool, agent, clock, lease } = setUpPool();
  (await lease()).release("done");
  await clock.advance(1000);
  pool.tryLease()?.release("frozen");
  assert.deepEqual(pool.workerStates, ["frozen"]);
  await clock.advance(1000);
  assert.deepEqual(agent.calls, ["ensure a", "pause i1", "resume i1", "pause i1"]);
  assert.equal(pool.tryLease()?.start, "thawed");
});

test("S5: who waits for a worker that could not be thawed has it thawed once more", async () => {
  const { pool, agent, clock, lease } = setUpPool();
  (await lease()).release("done");
  await clock.advance(1000);
  const first = pool.tryLease();
  const second = pool.wait();
  first?.release("frozen");
  assert.equal((await second.turn).start, "thawed");
  assert.deepEqual(agent.calls, ["ensure a", "pause i1", "resume i1", "resume i1"]);
});
