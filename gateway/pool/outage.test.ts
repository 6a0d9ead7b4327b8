import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "../testing/fake-clock.ts";
import { AgentLost, setUpPool, WorkerMissing } from "../testing/pool-setup.ts";

const goes = (agent: ReturnType<typeof setUpPool>["agent"]) => {
  agent.live = false;
  agent.away = new AgentLost("away");
};
const returns = (agent: ReturnType<typeof setUpPool>["agent"]) => {
  agent.live = true;
  agent.away = undefined;
};

test("S1: the agent goes while a worker starts: who waits waits on, and the start is made again", async () => {
  const { pool, agent, clock } = setUpPool();
  agent.held.add("ensure");
  const waiting = pool.wait();
  await settled();
  goes(agent);
  agent.answer("ensure", new AgentLost());
  await clock.advance(100);
  assert.equal(pool.waiting, 1);
  returns(agent);
  agent.held.clear();
  await clock.advance(50);
  assert.equal((await waiting.turn).worker.slot, 0);
  assert.deepEqual(agent.calls, ["ensure a", "ensure a"]);
});

test("S1: the agent does not come back: after ten seconds those who waited are told", async () => {
  const { pool, agent, clock } = setUpPool();
  agent.held.add("ensure");
  const refused = assert.rejects(pool.wait().turn, AgentLost);
  await settled();
  goes(agent);
  for (let passedMs = 0; passedMs < 11_000; passedMs += 250) {
    if (agent.pending.length > 0) agent.answer("ensure", new AgentLost());
    await settled();
    await clock.advance(250);
  }
  await refused;
  assert.deepEqual(pool.workerStates, []);
});

test("S5: who comes while the agent is away is told at once, those who waited before wait on", async () => {
  const { pool, agent, clock } = setUpPool({}, { max: 3 });
  agent.held.add("ensure");
  const before = pool.wait();
  await settled();
  goes(agent);
  agent.answer("ensure", new AgentLost());
  await settled();
  await assert.rejects(pool.wait().turn, /away/);
  assert.equal(pool.waiting, 1);
  returns(agent);
  agent.held.clear();
  await clock.advance(250);
  await before.turn;
});

test("S5: who comes while the agent is away waits when a worker is busy that will serve it", async () => {
  const { pool, agent, lease } = setUpPool({}, { max: 3 });
  const busy = await lease();
  goes(agent);
  agent.held.add("ensure");
  const waiting = pool.wait();
  await settled();
  agent.answer("ensure", new AgentLost());
  await settled();
  busy.release("done");
  assert.equal((await waiting.turn).worker.instanceId, busy.worker.instanceId);
});

test("S1: the agent goes while a worker thaws under a request: the very worker is thawed once it is back", async () => {
  const { pool, agent, clock, lease } = setUpPool();
  (await lease()).release("done");
  await clock.advance(1000);
  agent.held.add("resume");
  const thawed = pool.tryLease();
  goes(agent);
  agent.answer("resume", new AgentLost());
  await clock.advance(200);
  returns(agent);
  agent.held.clear();
  await clock.advance(50);
  await thawed?.thaw?.done;
  thawed?.release("done");
  assert.deepEqual(agent.calls, ["ensure a", "pause i1", "resume i1", "resume i1"]);
  assert.deepEqual(pool.workerStates, ["idle"]);
});

test("S1: the agent is back and says that the worker is gone: that is told, and nothing is tried again", async () => {
  const { pool, agent, clock, lease } = setUpPool();
  (await lease()).release("done");
  await clock.advance(1000);
  agent.held.add("resume");
  const thawed = pool.tryLease();
  const failed = assert.rejects(thawed?.thaw?.done ?? Promise.resolve(), WorkerMissing);
  agent.answer("resume", new AgentLost());
  await settled();
  await clock.advance(50);
  agent.answer("resume", new WorkerMissing());
  await failed;
});

test("S5: while the agent is away nothing is destroyed for idling; frozen workers are still there afterwards", async () => {
  const { pool, agent, clock, lease } = setUpPool();
  (await lease()).release("done");
  await clock.advance(1000);
  goes(agent);
  await clock.advance(400_000);
  assert.deepEqual(pool.workerStates, ["frozen"]);
  assert.deepEqual(agent.calls, ["ensure a", "pause i1"]);
});
