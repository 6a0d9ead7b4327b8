import assert from "node:assert/strict";
import { test } from "node:test";
import { logFileName, parseLogFileName, workerIdOfLog } from "./names.ts";

const instanceId = "6f1c1b6e-2f0a-4f5e-9f43-0d9a55f6f0c1";

test("W9: a log's file tells the worker, the instance and its place in the order", () => {
  for (const id of ["hello-0", "a_b-c-9999", "hello-0.1a2b3c"]) {
    for (const number of [1, 12, 1_000_000]) {
      const name = { id, instanceId, number };
      assert.deepEqual(parseLogFileName(logFileName(name)), name);
      assert.equal(workerIdOfLog(logFileName(name)), id);
    }
  }
  assert.equal(logFileName({ id: "hello-0", instanceId, number: 3 }), `hello-0.${instanceId}.3.log`);
});

test("S3: what no logging driver has written belongs to no worker", () => {
  for (const name of ["hello-0.log", "hello-0", `hello-0.${instanceId}.0.log`, `hello-0.${instanceId}.1.log.gz`, ""]) {
    assert.equal(workerIdOfLog(name), undefined, name);
  }
});
