import assert from "node:assert/strict";
import { test } from "node:test";
import { exited, timedOut } from "./answer.ts";
import { type InvocationReport, toLogResult } from "./log-result.ts";

const requestId = "57f231fb-1730-4395-85cb-4f71bd2b87b8";
const report: InvocationReport = {
  requestId,
  durationMs: 79.666,
  initMs: undefined,
  memoryMib: 128,
  usedBytes: 73 * 2 ** 20 - 1,
  failure: undefined,
  lines: ["one", "two"],
  endedMs: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
};
const textOf = (changed: Partial<InvocationReport> = {}) =>
  Buffer.from(toLogResult({ ...report, ...changed }), "base64").toString();

test("L1: START, the function's lines, END and REPORT, as AWS's guide shows them", () => {
  assert.equal(
    textOf(),
    [
      `START RequestId: ${requestId} Version: $LATEST`,
      "one",
      "two",
      `END RequestId: ${requestId}`,
      `REPORT RequestId: ${requestId}\tDuration: 79.67 ms\tBilled Duration: 80 ms\tMemory Size: 128 MB\tMax Memory Used: 73 MB\t`,
      "",
    ].join("\n"),
  );
});

test("L1: a cold start tells its init, which is billed too", () => {
  assert.match(
    textOf({ durationMs: 250.06, initMs: 193.7, memoryMib: 1024, usedBytes: 302 * 2 ** 20 }),
    /\tDuration: 250\.06 ms\tBilled Duration: 444 ms\tMemory Size: 1024 MB\tMax Memory Used: 302 MB\tInit Duration: 193\.70 ms\t\n$/,
  );
});

test("L2: a timeout and an exit are told in AWS's words", () => {
  const timeout = textOf({ durationMs: 3000, failure: timedOut(requestId, 3000) });
  assert.match(timeout, /\n2026-01-02T03:04:05\.006Z 57f2\S+ Task timed out after 3\.00 seconds\n\nEND /);
  assert.match(timeout, /\tDuration: 3000\.00 ms\tBilled Duration: 3000 ms\t.*\tStatus: timeout\n$/);
  const exit = textOf({ failure: exited(requestId, "signal: killed") });
  assert.match(exit, /\nRequestId: 57f2\S+ Error: Runtime exited with error: signal: killed\nRuntime\.ExitError\nEND /);
  assert.match(exit, /\tStatus: error\tError Type: Runtime\.ExitError\n$/);
});

test("L1: only the last 4,096 bytes, and nothing of an emulator's own lines", () => {
  const log = textOf({
    lines: [`START RequestId: x Version: $LATEST`, "é".repeat(5000), "last", "REPORT RequestId: x\t"],
  });
  assert.doesNotMatch(log, /START|RequestId: x/);
  assert.match(log, /é\nlast\nEND /);
  assert.equal(Buffer.from(toLogResult({ ...report, lines: ["a".repeat(9000)] }), "base64").length, 4096);
});

test("L1: memory that is not known is left out, and never more than there is", () => {
  assert.doesNotMatch(textOf({ usedBytes: undefined }), /Max Memory/);
  assert.match(textOf({ usedBytes: 129 * 2 ** 20 }), /Max Memory Used: 128 MB/);
});
