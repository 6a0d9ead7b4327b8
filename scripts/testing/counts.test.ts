import assert from "node:assert/strict";
import { test } from "node:test";
import { countsOf } from "./counts.ts";

const cases: ReadonlyArray<readonly [string, boolean, readonly [number, number, number]]> = [
  ["12 passed, 0 failed, 1 skipped", true, [12, 0, 1]],
  ["12 passed, 2 failed, 0 skipped; something was left behind", false, [12, 2, 0]],
  ["12 passed, 0 failed, 0 skipped; something was left behind", false, [12, 1, 0]],
  ["Error: killed in the middle", false, [0, 1, 0]],
  ["", true, [0, 1, 0]],
  ["no tests were found", true, [0, 1, 0]],
];
for (const [line, succeeded, [passed, failed, skipped]] of cases) {
  test(`CI counts a part that ${succeeded ? "succeeds" : "fails"} with "${line}" as ${failed} failed`, () => {
    assert.deepEqual(countsOf(line, succeeded), { passed, failed, skipped });
  });
}
