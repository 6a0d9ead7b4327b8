import assert from "node:assert/strict";
import { test } from "node:test";
import { pausedLine, phasesOf } from "./demo.ts";

test("phases are read from server-timing, and those that took no time are left out", () => {
  assert.equal(
    phasesOf("image;dur=1.24, snapshot;dur=2.5, network;dur=0, ready;desc=x;dur=10"),
    "image 1.2  snapshot 2.5  ready 10.0",
  );
  assert.equal(phasesOf(null), "");
  assert.equal(phasesOf("nonsense"), "");
});

test("a worker is frozen when its own line says so", () => {
  const list = "TASK       PID     STATUS\nhello-01   11      PAUSED\nhello-0    12      RUNNING\n";
  assert.equal(pausedLine(list, "hello-0"), undefined);
  assert.equal(pausedLine(list, "hello-01"), "hello-01 11 PAUSED");
});
