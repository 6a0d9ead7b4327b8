import assert from "node:assert/strict";
import { test } from "node:test";
import { createPool, retryDelayMs } from "./pool.ts";

/** A clock that moves only when the test says so, and lets all that is under way settle. */
function fakeClock() {
  const waiting: { delayMs: number; action: () => void }[] = [];
  return {
    waiting,
    after: (delayMs: number, action: () => void) => {
      const entry = { delayMs, action };
      waiting.push(entry);
      return () => waiting.splice(waiting.indexOf(entry), 1);
    },
    async elapse() {
      for (const entry of waiting.splice(0)) entry.action();
      await new Promise(setImmediate);
    },
  };
}

function countingPool(size: number, make?: (made: number) => Promise<number>) {
  const clock = fakeClock();
  const failures: number[] = [];
  let made = 0;
  const pool = createPool<number>({
    size,
    refillDelayMs: 100,
    make: async () => (make === undefined ? ++made : make(++made)),
    after: clock.after,
    onFailure: (_, retryInMs) => failures.push(retryInMs),
  });
  return { clock, pool, failures, made: () => made };
}

test("nothing is made before the delay has passed, then as many as are wanted", async () => {
  const { clock, pool, made } = countingPool(3);
  assert.equal(pool.take(), undefined);
  assert.equal(made(), 0);
  assert.deepEqual(
    clock.waiting.map((entry) => entry.delayMs),
    [100],
  );
  await clock.elapse();
  assert.equal(made(), 3);
  assert.deepEqual([pool.take(), pool.take(), pool.take(), pool.take()], [1, 2, 3, undefined]);
});

test("many takes lead to one refill", async () => {
  const { clock, pool } = countingPool(2);
  for (let i = 0; i < 10; i++) pool.take();
  assert.equal(clock.waiting.length, 1);
});

test("what is taken while a refill runs is made up for", async () => {
  const { clock, pool, made } = countingPool(2);
  pool.refill();
  await clock.elapse();
  pool.take();
  await clock.elapse();
  assert.equal(made(), 3);
  assert.equal(clock.waiting.length, 0);
});

test("a failing refill is retried ever later, and as usual once it works again", async () => {
  let broken = true;
  const { clock, pool, failures } = countingPool(1, async (made) => {
    if (broken) throw new Error("no");
    return made;
  });
  pool.refill();
  await clock.elapse();
  await clock.elapse();
  await clock.elapse();
  assert.deepEqual(failures, [1000, 2000, 4000]);
  assert.deepEqual(
    clock.waiting.map((entry) => entry.delayMs),
    [4000],
  );
  broken = false;
  await clock.elapse();
  assert.equal(pool.take(), 4);
  assert.deepEqual(
    clock.waiting.map((entry) => entry.delayMs),
    [100],
  );
});

test("the time between attempts is bounded", () => {
  assert.deepEqual([1, 2, 6, 7, 50].map(retryDelayMs), [1000, 2000, 32_000, 60_000, 60_000]);
});

test("W5: who waits for what is being made finds it ready", async () => {
  const gate = Promise.withResolvers<number>();
  const { clock, pool } = countingPool(1, () => gate.promise);
  await pool.settled();
  pool.refill();
  await clock.elapse();
  assert.equal(pool.take(), undefined);
  const settled = pool.settled();
  gate.resolve(7);
  await settled;
  assert.equal(pool.take(), 7);
});

test("close takes back the timer, waits for what is being made and hands it over", async () => {
  const gate = Promise.withResolvers<number>();
  const { clock, pool, made } = countingPool(2, () => gate.promise);
  pool.refill();
  await clock.elapse();
  const closed = pool.close();
  gate.resolve(7);
  assert.deepEqual(await closed, [7]);
  pool.refill();
  assert.equal(clock.waiting.length, 0);
  assert.equal(made(), 1);
});

test("a pool of size 0 never makes anything", () => {
  const { clock, pool } = countingPool(0);
  assert.equal(pool.take(), undefined);
  assert.equal(clock.waiting.length, 0);
});
