import assert from "node:assert/strict";
import { test } from "node:test";
import { restMs } from "./backoff.ts";

const rests: ReadonlyArray<readonly [number, number]> = [
  [1, 1000],
  [2, 2000],
  [3, 4000],
  [6, 32_000],
  [7, 60_000],
  [8, 60_000],
  [5000, 60_000],
];
for (const [time, expected] of rests) {
  test(`G8: given up for time ${time}, starts rest for ${expected} ms`, () => {
    assert.equal(restMs(time), expected);
  });
}
