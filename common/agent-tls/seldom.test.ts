import assert from "node:assert/strict";
import { test } from "node:test";
import { Seldom } from "./seldom.ts";

test("O1: what comes again is told once a minute, with how often it came", () => {
  let now = 0;
  const seldom = new Seldom(() => now);
  const told = [0, 1, 59_999, 60_000, 60_001, 130_000].map((at) => {
    now = at;
    return seldom.count("refused");
  });
  assert.deepEqual(told, [1, undefined, undefined, 3, undefined, 2]);
  assert.equal(seldom.count("another"), 1);
});

test("S8: however many different ones there are, few are kept", () => {
  const seldom = new Seldom(() => 0);
  for (let index = 0; index < 1000; index++) assert.equal(seldom.count(`address ${index}`), 1);
  assert.equal(seldom.count("address 999"), undefined);
  assert.equal(seldom.count("address 0"), 1);
});
