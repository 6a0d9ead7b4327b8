import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "../testing/fake-clock.ts";
import type { StartGuard } from "./start-guard.ts";
import { placesPerFunction, Starts } from "./starts.ts";

const open: StartGuard = { run: (_functionName, start) => start() };

function setUp(places: number, guard = open) {
  const starts = new Starts(places, guard);
  const running: { name: string; end: () => void }[] = [];
  const add = (name: string, priority: "request" | "min" = "request", signal = new AbortController().signal) =>
    starts.run(name, priority, signal, () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const end = () => {
        running.splice(running.indexOf(one), 1);
        resolve();
      };
      const one = { name, end };
      running.push(one);
      return promise;
    });
  return { starts, running, add, names: () => running.map(({ name }) => name) };
}

for (const [places, expected] of [
  [1, 1],
  [2, 1],
  [4, 3],
]) {
  test(`of ${places} places a function gets ${expected}`, () => assert.equal(placesPerFunction(places ?? 0), expected));
}

test("G6: one function's flood leaves a place for the others", async () => {
  const { starts, running, add, names } = setUp(4);
  const all = Array.from({ length: 10 }, () => add("flood"));
  await settled();
  assert.deepEqual(names(), ["flood", "flood", "flood"]);
  all.push(add("other"));
  await settled();
  assert.deepEqual(names(), ["flood", "flood", "flood", "other"]);
  while (running.length > 0) {
    assert.ok(running.length <= 4);
    running[0]?.end();
    await settled();
  }
  await Promise.all(all);
  assert.equal(starts.size, 0);
});

test("G6: starts for requests go before those for min", async () => {
  const { running, add, names } = setUp(1);
  void add("a");
  void add("b", "min");
  void add("c");
  await settled();
  running[0]?.end();
  await settled();
  assert.deepEqual(names(), ["c"]);
});

test("G6: a start that is not needed any more leaves the queue", async () => {
  const { running, add, names, starts } = setUp(1);
  const gone = new AbortController();
  void add("a");
  const left = assert.rejects(add("a", "request", gone.signal));
  void add("a");
  gone.abort();
  await left;
  assert.equal(starts.size, 2);
  running[0]?.end();
  await settled();
  assert.deepEqual(names(), ["a"]);
});

test("G6 G8: starts that wait at the guard hold no place that others could have", async () => {
  const { promise: opens, resolve: letThrough } = Promise.withResolvers<void>();
  let asked = 0;
  const guard: StartGuard = {
    async run(functionName, start) {
      if (functionName === "hung" && ++asked > 1) await opens;
      return start();
    },
  };
  const { running, add, names } = setUp(4, guard);
  const all = [add("hung"), add("hung"), add("hung"), add("other"), add("other"), add("other")];
  await settled();
  assert.deepEqual(names(), ["hung", "other", "other", "other"]);
  letThrough();
  for (let step = 0; running.length > 0; step++) {
    assert.ok(step < 10);
    running[0]?.end();
    await settled();
  }
  await Promise.all(all);
});
