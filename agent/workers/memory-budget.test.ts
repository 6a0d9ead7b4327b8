import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { committedBytes, MemoryBudget, type MemoryHolder } from "./memory-budget.ts";

const mebibyte = 1024 ** 2;
const worker = (id: string, mebibytes: number): MemoryHolder => ({ id, memoryBytes: mebibytes * mebibyte });

test("G6: what the limits of all workers add up to with one more", () => {
  const table: [present: MemoryHolder[], wanted: MemoryHolder, mebibytes: number][] = [
    [[], worker("a-0", 128), 128],
    [[worker("a-0", 128), worker("b-0", 256)], worker("a-1", 512), 896],
    // Its own slot does not count twice, and until the old one is gone the larger of the two counts.
    [[worker("a-0", 128)], worker("a-0", 128), 128],
    [[worker("a-0", 128)], worker("a-0", 512), 512],
    [[worker("a-0", 512), worker("b-0", 128)], worker("a-0", 128), 640],
    // Another owner's worker of the same function and slot is another worker.
    [[worker("a-0.0a1b2c", 128)], worker("a-0", 128), 256],
  ];
  for (const [present, wanted, expected] of table) {
    assert.equal(committedBytes(present, wanted) / mebibyte, expected, JSON.stringify([present, wanted]));
  }
});

test("G6: a start beyond the budget is refused with the sums and the setting; what fits exactly is not", () => {
  const budget = new MemoryBudget({ bytes: 384 * mebibyte, percent: 50 });
  const present = [worker("a-0", 128)];
  assert.throws(() => budget.reserve(worker("b-0", 257), present), {
    code: "MEMORY_EXHAUSTED",
    message:
      "no memory left for worker b-0: with its 257 MiB the limits of all workers would be 385 MiB, " +
      "and 384 MiB are allowed (ESB_MEMORY_PERCENT=50)",
  });
  budget.reserve(worker("b-0", 256), present);
});

test("G6: starts that are under way count, until they let go", () => {
  const budget = new MemoryBudget({ bytes: 256 * mebibyte, percent: 100 });
  const first = budget.reserve(worker("a-0", 128), []);
  {
    using _second = budget.reserve(worker("a-1", 128), []);
    assert.throws(() => budget.reserve(worker("a-2", 128), []), { code: "MEMORY_EXHAUSTED" });
  }
  first[Symbol.dispose]();
  budget.reserve(worker("a-2", 256), []);
});

test("G6: whatever starts, ends and is replaced, the sum never goes beyond the budget", () => {
  const step = fc.record({
    id: fc.constantFrom("a", "b", "c", "d"),
    size: fc.integer({ min: 1, max: 60 }),
    end: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const budget = new MemoryBudget({ bytes: 100 * mebibyte, percent: 100 });
      const present = new Map<string, MemoryHolder>();
      for (const { id, size, end } of steps) {
        try {
          using _reserved = budget.reserve(worker(id, size), present.values());
          present.set(id, worker(id, size));
        } catch {
          // Refused: nothing has changed.
        }
        if (end) present.delete(id);
        const sum = [...present.values()].reduce((total, { memoryBytes }) => total + memoryBytes, 0);
        assert.ok(sum <= 100 * mebibyte);
      }
    }),
  );
});
