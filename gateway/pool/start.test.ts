import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "../testing/fake-clock.ts";
import { definition, setUpPool, workerInfo } from "../testing/pool-setup.ts";

test("requests that come while there is no worker share one Ensure and are served one after the other", async () => {
  const { pool, agent, lease } = setUpPool();
  agent.held.add("ensure");
  const all = [lease(), lease(), lease()];
  const order: string[] = [];
  for (const [index, one] of all.entries()) {
    void one.then((served) => {
      order.push(`${index} ${served.start} ${served.phases === undefined ? "" : "phases"}`.trim());
      setImmediate(() => served.release("done"));
    });
  }
  await settled();
  agent.answer("ensure");
  await Promise.all(all);
  await settled();
  assert.deepEqual(agent.calls, ["ensure a"]);
  assert.deepEqual(order, ["0 cold phases", "1 warm", "2 warm"]);
  assert.deepEqual(pool.workerStates, ["idle"]);
});

test("one request per worker at a time", async () => {
  const { pool, lease } = setUpPool();
  const first = await lease();
  assert.equal(pool.tryLease(), undefined);
  const second = pool.wait();
  first.release("done");
  const served = await second.turn;
  assert.equal(served.worker.instanceId, first.worker.instanceId);
  first.release("done");
  assert.equal(pool.tryLease(), undefined, "a second release of the first changes nothing");
});

test("nobody overtakes those who wait", async () => {
  const { pool, lease } = setUpPool();
  const first = await lease();
  const second = pool.wait();
  first.release("done");
  assert.equal(pool.tryLease(), undefined);
  (await second.turn).release("done");
  assert.ok(pool.tryLease());
});

test("when the last who waits has gone the Ensure is cancelled, not before; the next starts anew", async () => {
  const { pool, agent } = setUpPool();
  agent.held.add("ensure");
  const [a, b] = [pool.wait(), pool.wait()];
  const gone = [a, b].map(({ turn }) => assert.rejects(turn));
  a.leave();
  await settled();
  assert.deepEqual(agent.calls, ["ensure a"]);
  b.leave();
  await settled();
  assert.deepEqual(agent.calls, ["ensure a", "ensure a cancelled"]);
  await Promise.all(gone);
  const next = pool.wait();
  agent.answer("ensure");
  assert.equal((await next.turn).start, "cold");
});

test("who waits too long is refused, and the Ensure that nobody waits for is cancelled", async () => {
  const { pool, agent, clock } = setUpPool();
  agent.held.add("ensure");
  const refused = assert.rejects(pool.wait().turn, { reason: "queue-timeout" });
  await clock.advance(30_000);
  await refused;
  assert.deepEqual(agent.calls, ["ensure a", "ensure a cancelled"]);
});

test("a start that fails fails all who wait for it, and the next request tries again", async () => {
  const { pool, agent, lease } = setUpPool();
  agent.held.add("ensure");
  const both = [pool.wait(), pool.wait()].map(({ turn }) => assert.rejects(turn, /no image/));
  agent.answer("ensure", new Error("no image"));
  await Promise.all(both);
  agent.held.delete("ensure");
  assert.equal((await lease()).start, "cold");
});

test("the definition changes while a worker starts: that start is cancelled and another begun", async () => {
  const { pool, agent } = setUpPool();
  agent.held.add("ensure");
  const waiting = pool.wait();
  pool.redefine(definition("b"));
  await settled();
  assert.deepEqual(agent.calls, ["ensure a", "ensure a cancelled", "ensure b"]);
  agent.answer("ensure b");
  assert.equal((await waiting.turn).definition.image, "b");
});

test("the function goes while a worker starts: who waits is refused", async () => {
  const { pool, agent } = setUpPool();
  agent.held.add("ensure");
  const refused = assert.rejects(pool.wait().turn, { reason: "removed" });
  pool.redefine(undefined);
  await refused;
  assert.equal(pool.finished, true);
});

test("S3: a worker of which the agent says that it is gone before it answers the Ensure serves nobody", async () => {
  const { agent, pool } = setUpPool();
  agent.held.add("ensure");
  const { turn } = pool.wait();
  pool.onRemoved(workerInfo("i1"), "exited");
  agent.held.delete("ensure");
  agent.answer("ensure");
  assert.equal((await turn).worker.instanceId, "i2");
});
