import assert from "node:assert/strict";
import { test } from "node:test";
import { ErrorCode } from "../proto/gen/esb/agent/v1/agent.ts";
import { AgentError, errorTable, undone } from "./errors.ts";

test("every code of the contract is in the table, and every other way round but what is never sent", () => {
  const inContract = Object.keys(ErrorCode).filter((name) => !/^-?\d+$|UNSPECIFIED|UNRECOGNIZED/.test(name));
  const sent = Object.keys(errorTable).filter((name) => name !== "CONTAINER_EXISTS");
  assert.deepEqual(sent.sort(), inContract.sort());
});

test("what failed first is what is told, whether it could be undone or not", async () => {
  const first = new AgentError("WORKER_EXITED", "ended");
  assert.equal(await undone(first, async () => true), first);

  const both = await undone(first, () => Promise.reject(new Error("busy")));
  assert.ok(both instanceof AgentError && both.cause instanceof AggregateError);
  assert.deepEqual([both.code, both.message], ["WORKER_EXITED", "ended"]);
  assert.deepEqual(
    both.cause.errors.map((error: Error) => error.message),
    ["ended", "busy"],
  );

  const unknown = await undone(new Error("first"), () => Promise.reject(new Error("second")));
  assert.ok(unknown instanceof AggregateError && unknown.errors.length === 2);
});
