import assert from "node:assert/strict";
import { test } from "node:test";
import { retryAfterMs } from "./event-retry.ts";

const sixHoursMs = 6 * 3600_000;
const cases: [status: number, tries: number, ageMs: number, expected: number | undefined][] = [
  [429, 1, 0, 1000],
  [429, 2, 0, 2000],
  [503, 5, 0, 16_000],
  [500, 6, 0, 30_000],
  [502, 60, 0, 30_000],
  [404, 1, 0, undefined],
  [400, 1, 0, undefined],
  [429, 9, sixHoursMs - 30_000, 30_000],
  [429, 9, sixHoursMs - 29_999, undefined],
];
for (const [status, tries, ageMs, expected] of cases) {
  test(`L1: an event refused with ${status}, ${tries} times, ${ageMs} ms old: again after ${expected}`, () => {
    assert.equal(retryAfterMs({ status }, tries, ageMs), expected);
  });
}
