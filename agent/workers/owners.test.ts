import assert from "node:assert/strict";
import { test } from "node:test";
import { OwnerPresence, type OwnerState, ownersToReap } from "./owners.ts";

test("S6: whose workers are removed", () => {
  const timeoutMs = 1000;
  const nowMs = 10_000;
  const table: [what: string, state: Omit<OwnerState, "owner">, reaped: boolean][] = [
    ["here, however long ago it came", { present: true, lastSeenMs: 0 }, false],
    ["just gone", { present: false, lastSeenMs: nowMs }, false],
    ["away for not quite as long", { present: false, lastSeenMs: nowMs - 999 }, false],
    ["away for as long", { present: false, lastSeenMs: nowMs - 1000 }, true],
    ["away for much longer", { present: false, lastSeenMs: 0 }, true],
  ];
  for (const [what, state, reaped] of table) {
    const owner = { owner: "gateway", ...state };
    assert.deepEqual(ownersToReap([owner], nowMs, timeoutMs), reaped ? [owner] : [], what);
  }
});

test("S6: an owner is present while a call of its is under way, and was seen at the end of the last", () => {
  let nowMs = 5;
  const presence = new OwnerPresence(() => nowMs);
  const watch = presence.enter("line-1");
  {
    using _call = presence.enter("line-1");
    nowMs = 10;
  }
  assert.equal(presence.stateOf("line-1").present, true);
  nowMs = 20;
  watch[Symbol.dispose]();
  nowMs = 30;
  assert.deepEqual(presence.stateOf("line-1"), { owner: "line-1", present: false, lastSeenMs: 20 });
});

test("S6: an owner that is not known yet counts as seen now, and keeps that moment", () => {
  let nowMs = 100;
  const presence = new OwnerPresence(() => nowMs);
  assert.deepEqual(presence.stateOf("line-1"), { owner: "line-1", present: false, lastSeenMs: 100 });
  nowMs = 200;
  assert.equal(presence.stateOf("line-1").lastSeenMs, 100);
  presence.forgetAllBut(["line-2"]);
  assert.equal(presence.stateOf("line-1").lastSeenMs, 200);
});

test("S6: a call of nobody in particular counts for nobody", () => {
  let nowMs = 0;
  const presence = new OwnerPresence(() => nowMs);
  presence.stateOf("line-1");
  nowMs = 50;
  using _watch = presence.enter(undefined);
  assert.deepEqual(presence.stateOf("line-1"), { owner: "line-1", present: false, lastSeenMs: 0 });
});
