/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of our files look like this. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { environmentLookup, substitute } from "./substitute.ts";

const lookup = (name: string) => ({ A: "1", EMPTY: "" })[name];

const filled: ReadonlyArray<readonly [string, string]> = [
  ["plain", "plain"],
  ["${A}", "1"],
  ["x${A}y${A}z", "x1y1z"],
  ["${EMPTY}", ""],
  ["${EMPTY:-b}", "b"],
  ["${NONE:-b}", "b"],
  ["${NONE:-}", ""],
  ["${A:-b}", "1"],
  ["${NONE:-http://h:1/a b}", "http://h:1/a b"],
  ["$${A}", "${A}"],
  ["$A", "$A"],
  ["5$", "5$"],
];
for (const [given, expected] of filled) {
  test(`${given} becomes ${expected}`, () => {
    assert.deepEqual(substitute(given, lookup), { text: expected });
  });
}

for (const given of ["${", "${}", "${A", "${1A}", "${A-b}", "${A B}"]) {
  test(`${given} is refused`, () => {
    const result = substitute(given, lookup);
    assert.ok("problem" in result && result.problem.includes("is not a variable"));
  });
}

test("a variable that is not set is named", () => {
  const result = substitute("${NONE}", lookup);
  assert.ok("problem" in result && result.problem.includes("the variable NONE is not set"));
});

test("a setting of esb has its default when it is not set or empty", () => {
  const settingDefault = (name: string) => (name === "LOG_LEVEL" ? "info" : undefined);
  assert.equal(environmentLookup({}, settingDefault)("LOG_LEVEL"), "info");
  assert.equal(environmentLookup({ LOG_LEVEL: "" }, settingDefault)("LOG_LEVEL"), "info");
  assert.equal(environmentLookup({ LOG_LEVEL: "debug" }, settingDefault)("LOG_LEVEL"), "debug");
  assert.equal(environmentLookup({ OTHER: "" }, settingDefault)("OTHER"), "");
  assert.equal(environmentLookup({}, settingDefault)("toString"), undefined);
});
