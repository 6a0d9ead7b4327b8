import assert from "node:assert/strict";
import { test } from "node:test";
import { invoke, requestIdOf, runtimeOf, startTestRuntimeApi } from "./runtime-api.fake.ts";

test("L3 an invocation goes to the runtime that waits, and its answer back as it is", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  const runtime = runtimeOf(worker);
  const polled = runtime.next();
  const ready = await api.control.waitReady({ instanceId: worker.instanceId });
  assert.equal(ready.failure, undefined);

  const answered = invoke(worker, '{"n": 1}', { "x-amzn-requestid": "request-1", "content-type": "text/plain" });
  const event = await polled;
  assert.equal(event.status, 200);
  assert.equal(event.body, '{"n": 1}');
  assert.equal(requestIdOf(event), "request-1");
  const sent = await runtime.respond("request-1", "not JSON at all");
  assert.equal(sent.status, 202);
  assert.deepEqual(JSON.parse(sent.body), { status: "OK" });
  const answer = await answered;
  assert.equal(answer.status, 200);
  assert.equal(answer.body, "not JSON at all");
  assert.equal(answer.headers["content-type"], "application/json");
  assert.equal(answer.headers["x-amz-function-error"], undefined);
});
