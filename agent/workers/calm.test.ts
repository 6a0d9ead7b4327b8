import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Calm } from "./calm.ts";

test("without a start there is nothing to wait for", async () => {
  await new Calm().wait(60_000);
});

test("the wait ends with the last start", async () => {
  const calm = new Calm();
  const starts = [calm.start(), calm.start()];
  let over = false;
  const waiting = calm.wait(60_000).then(() => {
    over = true;
  });
  starts[0]?.[Symbol.dispose]();
  await nextTurn();
  assert.equal(over, false);
  starts[1]?.[Symbol.dispose]();
  await waiting;
});

test("it waits no longer than it was told", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const calm = new Calm();
  using _start = calm.start();
  const waiting = calm.wait(1000);
  t.mock.timers.tick(1000);
  await waiting;
});
