import assert from "node:assert/strict";
import { test } from "node:test";
import { delay } from "./delay.ts";

test("a delay ends after its time", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let over = false;
  const waiting = delay(1000).then(() => {
    over = true;
  });
  t.mock.timers.tick(999);
  await Promise.resolve();
  assert.equal(over, false);
  t.mock.timers.tick(1);
  await waiting;
});

test("a delay ends with its signal, without an error", async () => {
  const controller = new AbortController();
  const waiting = delay(1_000_000, controller.signal);
  controller.abort();
  await waiting;
  await delay(1_000_000, controller.signal);
});
