import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { KeyedLock } from "./lock.ts";

test("pieces of work of one key run one at a time, in the order of asking", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 20 }), async (turnsHeld) => {
      const lock = new KeyedLock();
      const log: string[] = [];
      const work = async (index: number, turns: number) => {
        using _lock = await lock.acquire("a");
        log.push(`${index} begins`);
        for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
        log.push(`${index} ends`);
      };
      await Promise.all(turnsHeld.map((turns, index) => work(index, turns)));
      assert.deepEqual(
        log,
        turnsHeld.flatMap((_, index) => [`${index} begins`, `${index} ends`]),
      );
    }),
  );
});

test("another key does not wait", async () => {
  const lock = new KeyedLock();
  using _held = await lock.acquire("a");
  using _other = await lock.acquire("b");
});

test("work that throws gives the lock back", async () => {
  const lock = new KeyedLock();
  const fails = async () => {
    using _lock = await lock.acquire("a");
    throw new Error("no");
  };
  await assert.rejects(fails(), /no/);
  using _lock = await lock.acquire("a");
});
