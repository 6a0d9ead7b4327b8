import assert from "node:assert/strict";
import { test } from "node:test";
import { RemovalReason } from "../../proto/gen/esb/agent/v1/agent.ts";
import { startHarness, until } from "../testing/harness.ts";

test("a worker that breaks the connection: Runtime.ExitError, and another serves the next", async () => {
  await using harness = await startHarness();
  harness.agent.handler = (_request, response, event) => {
    if (event.toString() === "1") response.end("1");
    else response.destroy();
  };
  const answer = await harness.invoke("hello");
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["x-amz-function-error"], "Unhandled");
  assert.deepEqual(JSON.parse(answer.body), {
    errorType: "Runtime.ExitError",
    errorMessage: `RequestId: ${answer.headers["x-amzn-requestid"]} Error: Runtime exited`,
  });
  assert.equal((await harness.invoke("hello", "1")).headers["x-esb-start"], "cold");
});

test("killed for its memory: told as that", async () => {
  await using harness = await startHarness();
  let began = false;
  harness.agent.handler = () => {
    began = true;
  };
  const answering = harness.invoke("hello");
  await until(() => began);
  const http = harness.agent.workers.get("hello-0")?.http;
  harness.agent.workers.delete("hello-0");
  const info = { id: "hello-0", instanceId: "i1" };
  harness.agent.tellRemoved(info, RemovalReason.OUT_OF_MEMORY);
  const answer = await answering;
  await http?.[Symbol.asyncDispose]();
  assert.match(JSON.parse(answer.body).errorMessage, /Runtime exited with error: signal: killed$/);
});

test("an idle worker that has died unnoticed: the request never reached it and is served by another", async () => {
  await using harness = await startHarness();
  await harness.invoke("hello");
  await harness.agent.kill("hello-0", RemovalReason.EXITED, false);
  const answer = await harness.invoke("hello", "1");
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["x-esb-start"], "cold");
});

test("an idle worker that has died and been told of: the next request starts another", async () => {
  await using harness = await startHarness();
  await harness.invoke("hello");
  await harness.agent.kill("hello-0");
  assert.equal((await harness.invoke("hello")).headers["x-esb-start"], "cold");
});

test("a worker that listens nowhere from the start: not for ever", async () => {
  await using harness = await startHarness();
  const add = harness.agent.add.bind(harness.agent);
  harness.agent.add = async (...args) => {
    const info = await add(...args);
    await harness.agent.workers.get(info.id)?.http[Symbol.asyncDispose]();
    return info;
  };
  const answer = await harness.invoke("hello");
  assert.equal(answer.status, 502);
  assert.equal(harness.agent.calls.filter((call) => call.startsWith("ensure")).length, 3);
});

test("L3 an invocation that never reached its function is served by another worker", async () => {
  await using harness = await startHarness();
  const reached: string[] = [];
  harness.agent.handler = (_request, response, event) => {
    reached.push(event.toString());
    if (reached.length === 1) response.writeHead(410, { "x-esb-undelivered": "gone", connection: "close" }).end("{}");
    else response.end('"served"');
  };
  const answer = await harness.invoke("hello", "1");
  assert.deepEqual([answer.status, answer.body, reached], [200, '"served"', ["1", "1"]]);
  assert.equal(answer.headers["x-amz-function-error"], undefined);
  assert.equal(answer.headers["x-esb-start"], "cold");
});
