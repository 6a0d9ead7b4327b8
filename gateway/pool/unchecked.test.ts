import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "../testing/fake-clock.ts";
import { setUpPool, workerInfo } from "../testing/pool-setup.ts";

test("S1: the freeze of a worker from before fails: it stands in nobody's way, those that were looked at serve", async () => {
  const { pool, agent, clock, lease } = setUpPool({}, { max: 2 });
  (await lease()).release("done");
  await clock.advance(500);
  pool.onChanged(workerInfo("old", { slot: 1 }));
  await clock.advance(400);
  pool.tryLease()?.release("done");
  agent.held.add("pause");
  await clock.advance(600);
  agent.answer("pause", new Error("cannot"));
  await settled();
  assert.deepEqual(pool.workerStates, ["idle", "idle"]);
  assert.equal(pool.tryLease()?.worker.slot, 0);
});
