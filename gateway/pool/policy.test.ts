import assert from "node:assert/strict";
import { test } from "node:test";
import { mayResend, nextIdleStep } from "./policy.ts";

const steps: ReadonlyArray<readonly [number, boolean, number, number, string, number]> = [
  // idle, frozen, freeze after, destroy after: what, in
  [0, false, 1000, 300_000, "freeze", 1000],
  [400, false, 1000, 300_000, "freeze", 600],
  [1000, false, 1000, 300_000, "freeze", 0],
  [5000, false, 1000, 300_000, "freeze", 0],
  [1000, true, 1000, 300_000, "destroy", 299_000],
  [300_000, true, 1000, 300_000, "destroy", 0],
  [0, false, 0, 300_000, "freeze", 0],
  [0, true, 0, 300_000, "destroy", 300_000],
  [10, false, -1, 300_000, "destroy", 299_990],
  [10, false, 600_000, 300_000, "destroy", 299_990],
  [10, false, 300_000, 300_000, "destroy", 299_990],
];
for (const [idleMs, frozen, freezeAfterMs, destroyAfterMs, action, inMs] of steps) {
  test(`idle ${idleMs} ms, ${frozen ? "frozen" : "running"}, limits ${freezeAfterMs}/${destroyAfterMs}: ${action} in ${inMs} ms`, () => {
    assert.deepEqual(nextIdleStep(idleMs, frozen, { freezeAfterMs, destroyAfterMs }), { action, inMs });
  });
}

const resends: ReadonlyArray<readonly [boolean, boolean, boolean, boolean]> = [
  // written, frozen throughout, answered: may be sent again
  [false, false, false, true],
  [true, true, false, true],
  [true, false, false, false],
  [true, false, true, false],
  [true, true, true, false],
];
for (const [written, frozenThroughout, answered, expected] of resends) {
  test(`written ${written}, frozen throughout ${frozenThroughout}, answered ${answered}: resend ${expected}`, () => {
    assert.equal(mayResend({ written, frozenThroughout, answered }), expected);
  });
}
