import assert from "node:assert/strict";
import { test } from "node:test";
import {
  leastRecent,
  lowestFree,
  missingForMin,
  missingForWaiting,
  mostRecent,
  needlessStarts,
  surplus,
} from "./selection.ts";

const counts: ReadonlyArray<readonly [string, number[], number, number, number, number]> = [
  // [waiting, workers, under way, leaving, min, max]: for those who wait, for min, needless starts, surplus
  ["nobody waits, nobody is there", [0, 0, 0, 0, 0, 5], 0, 0, 0, 0],
  ["one waits", [1, 0, 0, 0, 0, 5], 1, 0, 0, 0],
  ["one waits, one start is under way", [1, 1, 1, 0, 0, 5], 0, 0, 0, 0],
  ["more wait than may be", [20, 2, 1, 0, 0, 5], 3, 0, 0, 0],
  ["all places are taken", [20, 5, 1, 0, 0, 5], 0, 0, 0, 0],
  ["one that goes still takes its place", [1, 5, 0, 1, 0, 5], 0, 0, 0, 0],
  ["fewer wait than starts are under way", [1, 3, 3, 0, 0, 5], 0, 0, 2, 0],
  ["the same, but min wants them", [0, 2, 2, 0, 2, 5], 0, 0, 0, 0],
  ["the same, but min wants one", [0, 3, 3, 0, 1, 5], 0, 0, 2, 0],
  ["below min", [0, 1, 0, 0, 3, 5], 0, 2, 0, 0],
  ["at min, but one of them goes", [0, 3, 0, 1, 3, 5], 0, 1, 0, 0],
  ["below min, no place until one has gone", [0, 3, 0, 1, 3, 3], 0, 0, 0, 0],
  ["max was lowered", [0, 5, 0, 0, 0, 2], 0, 0, 0, 3],
  ["max was lowered, two go already", [0, 5, 0, 2, 0, 2], 0, 0, 0, 1],
];
for (const [name, [waiting = 0, workers = 0, underWay = 0, leaving = 0, min = 0, max = 0], ...expected] of counts) {
  test(`G6 growth: ${name}`, () => {
    const count = { waiting, workers, underWay, leaving, min, max };
    const told = [missingForWaiting(count), missingForMin(count), needlessStarts(count), surplus(count)];
    assert.deepEqual(told, expected);
  });
}

test("G6 choice: the most recently used first, the least recently used goes", () => {
  const slots = [5, 9, 2, 9].map((idleSinceMs, slot) => ({ idleSinceMs, slot }));
  assert.equal(mostRecent(slots, () => true)?.slot, 1);
  assert.equal(leastRecent(slots, () => true)?.slot, 2);
  assert.equal(mostRecent(slots, ({ idleSinceMs }) => idleSinceMs < 9)?.slot, 0);
  assert.equal(
    mostRecent(slots, () => false),
    undefined,
  );
});

test("G6 choice: the lowest free slot", () => {
  assert.equal(
    lowestFree((slot) => [0, 1, 3].includes(slot)),
    2,
  );
});
