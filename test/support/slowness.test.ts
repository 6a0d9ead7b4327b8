import assert from "node:assert/strict";
import { test } from "node:test";
import { assertPrompt, promptly, slowness } from "./slowness.ts";

test("promised times: what keeps them passes, what misses them by far fails, however busy the machine is", async () => {
  assertPrompt(9, 10);
  assert.throws(() => assertPrompt(1_000_000, 10), /took 1000000 ms; promised were 10, times \d/);
  assert.equal(await promptly(60_000, async () => "done"), "done");
  await assert.rejects(
    promptly(60_000, () => Promise.reject(new Error("its own"))),
    /its own/,
  );
});

test("promised times: the slowness of before counts, and is one at least", () => {
  assertPrompt(30, 10, 3);
  assert.throws(() => assertPrompt(1_000_000, 10, 3));
  assert.ok(slowness() >= 1);
});
