import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentCallError } from "../agent/errors.ts";
import { StartsSuspended } from "../breaker/suspended.ts";
import { initFailureOf } from "./init-failure.ts";

const failed = (payload: string) =>
  new AgentCallError("WORKER_INIT_FAILED", "the init phase failed", {
    functionError: {
      errorType: "Runtime.ExitError",
      errorMessage: "Runtime exited with error: exit status 7",
      payload: Buffer.from(payload),
    },
  });
const made = {
  errorType: "Runtime.ExitError",
  errorMessage: "RequestId: id-1 Error: Runtime exited with error: exit status 7",
};

test("L1 L3: a failed init is the function's error, in AWS's words with the request's id", () => {
  assert.deepEqual(initFailureOf(failed(""), "id-1"), made);
  assert.deepEqual(initFailureOf(failed("no JSON"), "id-1"), made);
  assert.deepEqual(initFailureOf(failed('"a string"'), "id-1"), made);
});

test("L3: what the runtime itself has told is handed on with all that is in it", () => {
  const told = { errorType: "Runtime.ImportModuleError", errorMessage: "Cannot find module", trace: ["a", "b"] };
  assert.deepEqual(initFailureOf(failed(JSON.stringify(told)), "id-1"), told);
});

test("G8: while starts rest for a failed init, callers are told the same", () => {
  assert.deepEqual(initFailureOf(new StartsSuspended(1000, failed("")), "id-1"), made);
});

test("L1: other errors are none of the function's", () => {
  assert.equal(initFailureOf(new AgentCallError("WORKER_EXITED", "it ended"), "id-1"), undefined);
  assert.equal(initFailureOf(new Error("x"), "id-1"), undefined);
});
