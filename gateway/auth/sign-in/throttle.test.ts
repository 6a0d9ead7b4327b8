import assert from "node:assert/strict";
import { test } from "node:test";
import { Throttle, Throttled } from "./throttle.ts";

test("G2: attempts under way count at once, so that many at the same time are held back as well", async () => {
  const throttle = new Throttle({ failures: 5, seconds: 60 });
  const results = await Promise.allSettled(Array.from({ length: 50 }, () => throttle.attempt("a")));
  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 5);
});

test("G2: it says when to come again", async () => {
  const throttle = new Throttle({ failures: 1, seconds: 60 });
  await throttle.attempt("a");
  await assert.rejects(throttle.attempt("a"), (error) => {
    return error instanceof Throttled && error.retryAfterSeconds > 58 && error.retryAfterSeconds <= 60;
  });
});

test("G2: whoever fails from very many addresses costs no more memory; who failed last is still held back", async () => {
  const throttle = new Throttle({ failures: 1, seconds: 60 });
  for (let address = 0; address < 30_000; address++) await throttle.attempt(`address ${address}`);
  await assert.rejects(throttle.attempt("address 29999"), Throttled);
  // Forgotten: it is among the ten thousand that were pushed out.
  assert.ok(await throttle.attempt("address 0"));
});
