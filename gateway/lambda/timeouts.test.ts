import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { startHarness, until } from "../testing/harness.ts";

const functions = "functions: { hello: { image: x, timeout: 1 } }";

test("over time: AWS's answer, and the worker is replaced before the next request runs", async () => {
  await using harness = await startHarness({}, functions);
  harness.agent.handler = (_request, response, event) => {
    if (event.toString() === "1") response.end("1");
  };
  const late = await harness.invoke("hello");
  assert.equal(late.status, 200);
  assert.equal(late.headers["x-amz-function-error"], "Unhandled");
  assert.deepEqual(JSON.parse(late.body), {
    errorType: "Sandbox.Timedout",
    errorMessage: `RequestId: ${late.headers["x-amzn-requestid"]} Error: Task timed out after 1.00 seconds`,
  });
  const next = await harness.invoke("hello", "1");
  assert.equal(next.headers["x-esb-start"], "cold");
  assert.equal(next.body, "1");
  assert.deepEqual(
    harness.agent.calls.filter((call) => !call.startsWith("watch")),
    ["ensure hello-0", "destroy hello-0", "ensure hello-1"],
  );
});

test("the cold start does not count", async () => {
  await using harness = await startHarness({}, functions);
  const gate = Promise.withResolvers<void>();
  harness.agent.gates.set("ensure", gate.promise);
  setTimeout(gate.resolve, 1200);
  assert.equal((await harness.invoke("hello")).body, "{}");
});

test("an answer that is begun and not finished in time", async () => {
  await using harness = await startHarness({}, functions);
  harness.agent.handler = (_request, response) => response.write("{");
  assert.match((await harness.invoke("hello")).body, /Sandbox\.Timedout/);
});

test("a client that goes while its function runs: it runs on, and nobody else meets it", async () => {
  await using harness = await startHarness(
    {},
    "functions: { hello: { image: x, timeout: 30, concurrency: { max: 1 } } }",
  );
  const running: ServerResponse[] = [];
  harness.agent.handler = (_request, response) => running.push(response);
  const gone = new AbortController();
  const first = fetch(`${harness.url}/2015-03-31/functions/hello/invocations`, {
    method: "POST",
    body: "{}",
    signal: gone.signal,
  });
  await until(() => running.length === 1);
  gone.abort();
  await assert.rejects(first);
  const second = harness.invoke("hello", "2");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(running.length, 1, "the second waits until the first has ended");
  running[0]?.end("{}");
  await until(() => running.length === 2);
  running[1]?.end("2");
  assert.equal((await second).body, "2");
  assert.deepEqual(
    harness.agent.calls.filter((call) => call.startsWith("destroy")),
    [],
  );
});
