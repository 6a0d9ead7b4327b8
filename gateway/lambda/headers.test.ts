import assert from "node:assert/strict";
import { test } from "node:test";
import { startHarness } from "../testing/harness.ts";

test("the worker gets what Lambda hands on, and nothing of the client's connection or credentials", async () => {
  await using harness = await startHarness();
  const traceId = "Root=1-5d02e5ca-f5792818b6fe8368e5b51d50;Parent=191db58857df8395;Sampled=0";
  const answer = await harness.invoke("hello", "{}", {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-client-context": "e30=",
    "x-amzn-trace-id": traceId,
    authorization: "AWS4-HMAC-SHA256 secret",
    cookie: "a=b",
    te: "trailers",
    connection: "keep-alive, x-private",
    "x-private": "1",
    "proxy-authorization": "Basic x",
    "keep-alive": "timeout=9",
  });
  const got = harness.agent.workers.get("hello-0")?.http.received[0]?.headers ?? {};
  assert.equal(got["content-type"], "application/x-amz-json-1.0");
  assert.equal(got["x-amz-client-context"], "e30=");
  assert.equal(got["x-amzn-trace-id"], traceId);
  assert.equal(answer.headers["x-amzn-trace-id"], traceId);
  assert.equal(got["x-amzn-requestid"], answer.headers["x-amzn-requestid"]);
  for (const name of ["authorization", "cookie", "te", "x-private", "proxy-authorization", "keep-alive"]) {
    assert.equal(got[name], undefined, name);
  }
  assert.doesNotMatch(got.connection ?? "", /private/);
});

test("the client gets what describes the answer, and nothing of the worker's connection", async () => {
  await using harness = await startHarness();
  harness.agent.handler = (_request, response) => {
    response.writeHead(200, {
      "content-type": "application/json",
      "content-encoding": "identity",
      "x-amz-function-error": "Handled",
      "x-amz-log-result": "bG9n",
      connection: "close, x-private",
      "x-private": "1",
      "x-esb-worker": "forged",
      "set-cookie": "a=b",
      "proxy-authenticate": "Basic",
      trailer: "x-late",
    });
    response.addTrailers({ "x-late": "1" });
    response.end('{"errorType":"x"}');
  };
  const { headers, status } = await harness.invoke("hello");
  assert.equal(status, 200);
  assert.equal(headers["x-amz-function-error"], "Handled");
  assert.equal(headers["x-amz-log-result"], "bG9n");
  assert.equal(headers["content-encoding"], "identity");
  assert.equal(headers["x-esb-worker"], "hello-0");
  for (const name of ["x-private", "set-cookie", "proxy-authenticate", "trailer", "transfer-encoding"]) {
    assert.equal(headers[name], undefined, name);
  }
});

test("no body at all: the function gets {}", async () => {
  await using harness = await startHarness();
  assert.equal((await harness.invoke("hello", "")).status, 200);
  assert.equal(harness.agent.workers.get("hello-0")?.http.received[0]?.body, "{}");
});

test("an error status of the worker is a function error, its body passed on", async () => {
  await using harness = await startHarness();
  harness.agent.handler = (_request, response) => response.writeHead(500).end('{"errorMessage":"boom"}');
  const answer = await harness.invoke("hello");
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["x-amz-function-error"], "Unhandled");
  assert.equal(answer.body, '{"errorMessage":"boom"}');
});

for (const [called, functionArn] of [
  ["hello", undefined],
  ["arn:aws:lambda:us-east-1:123456789012:function:hello", undefined],
  ["hello:$LATEST", "arn:aws:lambda:us-east-1:123456789012:function:hello:$LATEST"],
] as const) {
  test(`L1 L3: a function that is called ${called} knows the ARN that it was invoked by`, async () => {
    await using harness = await startHarness();
    assert.equal((await harness.invoke(called)).status, 200);
    const got = harness.agent.workers.get("hello-0")?.http.received[0]?.headers ?? {};
    assert.equal(got["x-esb-function-arn"], functionArn);
  });
}
