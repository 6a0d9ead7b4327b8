import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseVictim, compareClaims, isHopeless, type Share, yieldsTo } from "./fairness.ts";

/** A function with so many workers of 100 MiB; `idle` says since when its oldest unused one is. */
const share = (name: string, workers: number, rest: Partial<Share> = {}): Share => ({
  function: name,
  workers,
  coming: 0,
  usedMib: workers * 100,
  workerMib: 100,
  min: 0,
  reserved: 0,
  idleSinceMs: undefined,
  ...rest,
});

const me = share("me", 1);
const victims: ReadonlyArray<readonly [string, Share, Share[], string | undefined]> = [
  ["the least recently used of all", me, [share("a", 2, { idleSinceMs: 5 }), share("b", 1, { idleSinceMs: 3 })], "b"],
  ["none is unused", me, [share("a", 9)], undefined],
  ["never one's own", share("me", 2, { idleSinceMs: 1 }), [share("me", 2, { idleSinceMs: 1 })], undefined],
  ["not below min", me, [share("a", 2, { idleSinceMs: 5, min: 2 }), share("b", 1, { idleSinceMs: 8 })], "b"],
  ["not below what is reserved", me, [share("a", 2, { idleSinceMs: 5, reserved: 2 })], undefined],
  ["beyond min", me, [share("a", 3, { idleSinceMs: 5, min: 2 })], "a"],
  [
    "below one's own reserved: another's min does not hold",
    share("me", 0, { reserved: 1 }),
    [share("a", 2, { idleSinceMs: 5, min: 2 })],
    "a",
  ],
  [
    "below one's own reserved: what another has reserved does",
    share("me", 0, { reserved: 1 }),
    [share("a", 2, { idleSinceMs: 5, reserved: 2 })],
    undefined,
  ],
];
for (const [name, claimant, shares, expected] of victims) {
  test(`G6 eviction: ${name}`, () => assert.equal(chooseVictim(claimant, shares, 5000)?.function, expected));
}

const justUsed = { idleSinceMs: 0 };
const young: ReadonlyArray<readonly [string, Share, Share, number, boolean]> = [
  ["its function would have less than the claimant", share("me", 3), share("a", 1, justUsed), 999, false],
  ["its function would have less, but it has idled for a second", share("me", 3), share("a", 1, justUsed), 1000, true],
  ["shares would only be turned round", me, share("a", 2, justUsed), 999, false],
  ["shares become equal", me, share("a", 3, justUsed), 0, true],
  ["the claimant has nothing", share("me", 0), share("a", 1, justUsed), 0, true],
  ["the claimant is below what is reserved", share("me", 1, { reserved: 2 }), share("a", 1, justUsed), 0, true],
  ["small to large: by memory", share("me", 1, { workerMib: 300 }), share("a", 3, justUsed), 999, false],
];
for (const [name, claimant, owner, nowMs, goes] of young) {
  test(`G6 eviction of a worker that was in use just now: ${name}`, () => {
    assert.equal(chooseVictim(claimant, [owner], nowMs)?.function, goes ? "a" : undefined);
  });
}

const yields: ReadonlyArray<readonly [string, Share, Share, number, boolean]> = [
  ["three to none", share("a", 3), share("me", 0), 0, true],
  ["three to one: equal afterwards", share("a", 3), share("me", 1), 0, true],
  ["two to one: would only be turned round", share("a", 2), share("me", 1), 0, false],
  ["equal shares", share("a", 2), share("me", 2), 0, false],
  ["one to none", share("a", 1), share("me", 0), 0, false],
  ["one to none, after a while: turns", share("a", 1), share("me", 0), 1000, true],
  ["small to large: by memory", share("a", 3), share("me", 0, { workerMib: 300 }), 0, false],
  ["what is on its way counts", share("a", 3), share("me", 0, { coming: 2 }), 0, false],
  ["what is only tried does not", share("a", 2, { coming: 3 }), share("me", 1), 0, false],
  ["at min", share("a", 3, { min: 3 }), share("me", 0), 0, false],
  ["at what is reserved", share("a", 3, { reserved: 3 }), share("me", 0), 5000, false],
  ["below reserved", share("a", 2), share("me", 1, { reserved: 2 }), 0, true],
  ["to itself", share("me", 5), share("me", 5), 5000, false],
];
for (const [name, owner, claimant, waitedMs, expected] of yields) {
  test(`G6 preemption on release: ${name}`, () => assert.equal(yieldsTo(owner, claimant, waitedMs), expected));
}

test("G6: shares that yield to each other settle, whatever they begin with", () => {
  for (let total = 1; total <= 8; total++) {
    for (let first = 0; first <= total; first++) {
      let [a, b] = [first, total - first];
      let steps = 0;
      for (; steps < 20; steps++) {
        if (yieldsTo(share("a", a), share("b", b), 0)) [a, b] = [a - 1, b + 1];
        else if (yieldsTo(share("b", b), share("a", a), 0)) [a, b] = [a + 1, b - 1];
        else break;
      }
      assert.ok(steps < 20 && Math.abs(a - b) <= 1, `${first} of ${total} end as ${a} and ${b}`);
    }
  }
});

test("G6: hopeless is who waits for workers that never go", () => {
  assert.equal(isHopeless(me, [me]), true);
  assert.equal(isHopeless(me, [me, share("a", 2, { min: 2 })]), true);
  assert.equal(isHopeless(me, [me, share("a", 1)]), false);
});

test("G6: first who is below what is reserved, then who has least, then who came first", () => {
  const claims = [
    { share: share("late", 1), sinceMs: 9 },
    { share: share("early", 1), sinceMs: 1 },
    { share: share("rich", 4), sinceMs: 0 },
    { share: share("reserved", 5, { reserved: 6 }), sinceMs: 10 },
  ];
  const order = claims.sort(compareClaims).map((claim) => claim.share.function);
  assert.deepEqual(order, ["reserved", "early", "late", "rich"]);
});
