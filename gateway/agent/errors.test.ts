import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientError, Metadata, Status } from "nice-grpc";
import { FunctionError } from "../../proto/gen/esb/agent/v1/agent.ts";
import { AgentCallError, toAgentCallError } from "./errors.ts";

const cases: ReadonlyArray<readonly [Status, string | undefined, string, boolean]> = [
  [Status.NOT_FOUND, "IMAGE_NOT_FOUND", "IMAGE_NOT_FOUND", false],
  [Status.NOT_FOUND, "WORKER_NOT_FOUND", "WORKER_NOT_FOUND", false],
  [Status.UNAVAILABLE, "RUNTIME_UNAVAILABLE", "RUNTIME_UNAVAILABLE", true],
  [Status.UNAVAILABLE, undefined, "AGENT_UNAVAILABLE", true],
  [Status.CANCELLED, undefined, "AGENT_UNAVAILABLE", true],
  [Status.DEADLINE_EXCEEDED, undefined, "DEADLINE_EXCEEDED", true],
  [Status.INVALID_ARGUMENT, undefined, "INVALID_REQUEST", false],
  [Status.UNKNOWN, undefined, "INTERNAL", false],
  [Status.UNAVAILABLE, "SOMETHING_NEW", "AGENT_UNAVAILABLE", true],
  [Status.INTERNAL, "UNRECOGNIZED", "INTERNAL", false],
  [Status.INTERNAL, "constructor", "INTERNAL", false],
];
for (const [status, named, code, retryable] of cases) {
  test(`${Status[status]} with ${named ?? "no name"} is ${code}`, () => {
    const trailer = Metadata();
    if (named !== undefined) trailer.set("esb-error-code", named);
    const error = toAgentCallError(new ClientError("/x/Y", status, "why"), trailer);
    assert.ok(error instanceof AgentCallError);
    assert.deepEqual([error.code, error.message, error.retryable], [code, "why", retryable]);
  });
}

test("L1 L3: what a function failed with in its init phase comes in a trailer of its own", () => {
  const told = { errorType: "Runtime.ExitError", errorMessage: "it ended", payload: Buffer.from("{}") };
  const trailer = Metadata({
    "esb-error-code": "WORKER_INIT_FAILED",
    "esb-function-error-bin": FunctionError.encode(told).finish(),
  });
  const error = toAgentCallError(new ClientError("/x/Y", Status.FAILED_PRECONDITION, "why"), trailer);
  assert.ok(error instanceof AgentCallError);
  assert.equal(error.code, "WORKER_INIT_FAILED");
  assert.deepEqual(error.functionError, told);
});

test("an abort stays an abort", () => {
  const abort = new DOMException("stop", "AbortError");
  assert.equal(toAgentCallError(abort, undefined), abort);
});
