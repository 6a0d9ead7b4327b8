import assert from "node:assert/strict";
import { test } from "node:test";
import { createGroups } from "./groups.ts";

/** Groups that end when told to, with those done that are named; and what was begun. */
function fakeGroups(largest = 3) {
  const groups: {
    readonly items: readonly string[];
    readonly end: (done: readonly string[]) => void;
    fail: () => void;
  }[] = [];
  const alone: string[] = [];
  const add = createGroups<string>({
    largest,
    aloneAtOnce: 2,
    together: (items) =>
      new Promise((resolve, reject) => {
        groups.push({ items, end: (done) => resolve(new Set(done)), fail: () => reject(new Error("no shell")) });
      }),
    alone: async (item) => {
      alone.push(item);
      if (item.startsWith("bad")) throw new Error(`${item} is stuck`);
    },
  });
  return { add, groups, alone, begun: () => groups.map(({ items }) => items.join()) };
}

const nextTurn = () => new Promise(setImmediate);

test("S3: the first is done at once; what comes meanwhile is done together, up to the limit", async () => {
  const { add, groups, begun } = fakeGroups();
  const all = Promise.all(["a", "b", "c", "d", "e"].map(add));
  assert.deepEqual(begun(), ["a"]);
  groups[0]?.end(["a"]);
  await nextTurn();
  assert.deepEqual(begun(), ["a", "b,c,d"]);
  groups[1]?.end(["b", "c", "d"]);
  await nextTurn();
  assert.deepEqual(begun(), ["a", "b,c,d", "e"]);
  groups[2]?.end(["e"]);
  await all;
  const late = add("f");
  assert.deepEqual(begun().at(-1), "f");
  groups[3]?.end(["f"]);
  await late;
});

test("S3: what a group has not done is done alone, and one's failure is only its own", async () => {
  const { add, groups, alone } = fakeGroups();
  const first = add("first");
  const outcomes = Promise.allSettled(["good", "bad", "left"].map(add));
  groups[0]?.end(["first"]);
  await first;
  await nextTurn();
  groups[1]?.end(["good"]);
  const told = (await outcomes).map((one) => (one.status === "rejected" ? one.reason.message : "done"));
  assert.deepEqual(told, ["done", "bad is stuck", "done"]);
  assert.deepEqual(alone, ["bad", "left"]);
});

test("S3: a group that fails as a whole is done one by one, and the next group is a group again", async () => {
  const { add, groups, alone, begun } = fakeGroups();
  const all = Promise.all(["a", "b", "c"].map(add));
  groups[0]?.fail();
  await nextTurn();
  groups[1]?.fail();
  await all;
  assert.deepEqual(alone, ["a", "b", "c"]);
  const late = add("d");
  assert.deepEqual(begun(), ["a", "b,c", "d"]);
  groups[2]?.end(["d"]);
  await late;
});
