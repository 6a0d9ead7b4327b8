import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { startHarness, until } from "../testing/harness.ts";

test("as many wait as may, one more is 429 with Retry-After", async () => {
  await using harness = await startHarness({ ESB_QUEUE_LIMIT: "1" });
  const running: ServerResponse[] = [];
  harness.agent.handler = (_request, response) => running.push(response);
  const first = harness.invoke("hello");
  await until(() => running.length === 1);
  const others = [harness.invoke("hello"), harness.invoke("hello")];
  const refused = await Promise.race(others);
  assert.equal(refused.status, 429);
  assert.equal(refused.headers["retry-after"], "1");
  assert.equal(refused.headers["x-amzn-errortype"], "TooManyRequestsException");
  assert.equal(JSON.parse(refused.body).Type, "User");
  running[0]?.end("{}");
  await until(() => running.length === 2);
  running[1]?.end("{}");
  assert.equal((await first).status, 200);
  assert.deepEqual((await Promise.all(others)).map(({ status }) => status).sort(), [200, 429]);
});

test("who waits too long is 429", async () => {
  await using harness = await startHarness({ ESB_QUEUE_TIMEOUT_MS: "50" });
  const gate = Promise.withResolvers<void>();
  harness.agent.gates.set("ensure", gate.promise);
  const answer = await harness.invoke("hello");
  assert.equal(answer.status, 429);
  await until(() => harness.agent.calls.includes("ensure hello-0 cancelled"));
  gate.resolve();
});

test("a client that goes while its worker starts: the Ensure is cancelled if nobody else waits", async () => {
  await using harness = await startHarness();
  const gate = Promise.withResolvers<void>();
  harness.agent.gates.set("ensure", gate.promise);
  const leave = new AbortController();
  const url = `${harness.url}/2015-03-31/functions/hello/invocations`;
  const gone = assert.rejects(fetch(url, { method: "POST", body: "{}", signal: leave.signal }));
  await until(() => harness.agent.calls.includes("ensure hello-0"));
  const staying = harness.invoke("hello", "1");
  await until(async () => (await harness.get("/metrics")).body.includes('esb_queue_length{function="hello"} 2'));
  leave.abort();
  await gone;
  await until(async () => (await harness.get("/metrics")).body.includes('esb_queue_length{function="hello"} 1'));
  gate.resolve();
  assert.equal((await staying).status, 200);
  assert.ok(!harness.agent.calls.includes("ensure hello-0 cancelled"));
});

test("the only client goes while its worker starts: cancelled", async () => {
  await using harness = await startHarness();
  const gate = Promise.withResolvers<void>();
  harness.agent.gates.set("ensure", gate.promise);
  const leave = new AbortController();
  const url = `${harness.url}/2015-03-31/functions/hello/invocations`;
  const gone = assert.rejects(fetch(url, { method: "POST", body: "{}", signal: leave.signal }));
  await until(() => harness.agent.calls.includes("ensure hello-0"));
  leave.abort();
  await gone;
  await until(() => harness.agent.calls.includes("ensure hello-0 cancelled"));
  gate.resolve();
  assert.equal((await harness.invoke("hello")).status, 200);
});

test("G6: the events of all that wait take no more than ESB_QUEUE_MIB; what is beyond is 429", async () => {
  await using harness = await startHarness(
    { ESB_QUEUE_MIB: "1" },
    "functions: { hello: { image: x, concurrency: { max: 1 } }, other: { image: x, concurrency: { max: 1 } } }",
  );
  const running: ServerResponse[] = [];
  harness.agent.handler = (_request, response) => running.push(response);
  const large = `"${"a".repeat(600_000)}"`;
  const first = [harness.invoke("hello"), harness.invoke("other")];
  await until(() => running.length === 2);
  const waiting = harness.invoke("hello", large);
  await until(async () => (await harness.get("/metrics")).body.includes("esb_queue_bytes 600002"));
  const refused = await harness.invoke("other", large);
  assert.equal(refused.status, 429);
  assert.equal(refused.headers["retry-after"], "1");
  assert.equal(refused.headers["x-amzn-errortype"], "TooManyRequestsException");
  for (const response of running) response.end("{}");
  await until(() => running.length === 3);
  running[2]?.end("{}");
  assert.deepEqual(
    (await Promise.all([...first, waiting])).map(({ status }) => status),
    [200, 200, 200],
  );
  assert.match((await harness.get("/metrics")).body, /^esb_queue_bytes 0$/m);
});
