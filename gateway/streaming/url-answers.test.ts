import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { askUrl, urlHost } from "../testing/function-url.ts";
import { type Harness, send, startHarness, until } from "../testing/harness.ts";
import { integrationType } from "./prelude.ts";

const functions = `
functions:
  open: { image: x, concurrency: { max: 1 }, url: { auth: NONE, cors: { allowOrigins: ["https://a.example"] } } }
  stream: { image: x, concurrency: { max: 1 }, url: { auth: NONE, invokeMode: RESPONSE_STREAM } }
  none: { image: x }
`;

/** What the client sees when the function has said this. */
async function answerTo(harness: Harness, said: string | Buffer, headers: Record<string, string> = {}) {
  harness.agent.handler = (_request, response) => response.writeHead(200, headers).end(said);
  const answer = await askUrl(harness, "open");
  const { "content-type": type, "content-length": length } = answer.headers;
  return { status: answer.status, type, length, body: answer.body, headers: answer.headers };
}

test("L5: BUFFERED: AWS's examples of answers, and what it was seen to make of others", async () => {
  await using harness = await startHarness({}, functions);
  const custom = {
    statusCode: 201,
    headers: { "Content-Type": "application/json", "My-Custom-Header": "Custom Value" },
    body: '{"message":"Hello, world!"}',
    isBase64Encoded: false,
  };
  // urls-invocation.html, but for the string, which its table has in quotes: AWS sends it without.
  for (const [said, body] of [
    ['{"message":"Hello, world!"}', '{"message":"Hello, world!"}'],
    ['"hello"', "hello"],
    ['["hello",3,true]', '["hello",3,true]'],
    ["3.1", "3.1"],
    ["true", "true"],
    ["null", "null"],
    [JSON.stringify({ statusCode: 200, body: "body123" }), "body123"],
  ] as const) {
    const answer = await answerTo(harness, said);
    assert.deepEqual([answer.status, answer.type, answer.length], [200, "application/json", String(body.length)]);
    assert.equal(answer.body, body);
  }
  const cookies = ["Cookie_1=Value1; Expires=21 Oct 2021 07:48 GMT", "Cookie_2=Value2; Max-Age=78000"];
  const answer = await answerTo(harness, JSON.stringify({ ...custom, cookies }));
  assert.deepEqual([answer.status, answer.type, answer.length], [201, "application/json", "27"]);
  assert.equal(answer.headers["my-custom-header"], "Custom Value");
  assert.deepEqual(answer.headers["set-cookie"], cookies);
  const teapot = await answerTo(harness, JSON.stringify({ statusCode: "418", body: "i'm a teapot" }));
  assert.deepEqual([teapot.status, teapot.body], [418, "i'm a teapot"]);
});

test("L5: BUFFERED: bytes come and go as base64", async () => {
  await using harness = await startHarness({}, functions);
  const bytes = Buffer.from([0, 255, 128, 10]);
  let event: { body?: string; isBase64Encoded?: boolean } = {};
  harness.agent.handler = (_request, response, body) => {
    event = JSON.parse(body.toString());
    response.end(JSON.stringify({ statusCode: 200, body: "w6T/", isBase64Encoded: true }));
  };
  const headers = { "content-type": "application/octet-stream" };
  const answer = await askUrl(harness, "open", { method: "POST", headers, body: bytes });
  assert.deepEqual([event.body, event.isBase64Encoded], [bytes.toString("base64"), true]);
  assert.equal(answer.headers["content-length"], "3");
});

test("L5: a URL takes AWS's methods, and answers HEAD without a body", async () => {
  await using harness = await startHarness({}, functions);
  const methods: string[] = [];
  harness.agent.handler = (_request, response, body) => {
    methods.push(JSON.parse(body.toString()).requestContext.http.method);
    response.end('"hello"');
  };
  const taken = ["GET", "POST", "PUT", "HEAD", "OPTIONS", "PATCH", "DELETE"];
  for (const method of taken) {
    const { status, body } = await askUrl(harness, "open", { method });
    assert.deepEqual([status, body], [200, method === "HEAD" ? "" : "hello"], method);
  }
  assert.deepEqual(methods, taken);
});

test("L5: BUFFERED invokes with Invoke: what a streaming handler wrote is read as a whole, its prelude as nothing else", async () => {
  await using harness = await startHarness({}, functions);
  const streamed = { "content-type": integrationType };
  const prelude = Buffer.concat([Buffer.from('{"statusCode":203}'), Buffer.alloc(8), Buffer.from("body")]);
  const answer = await answerTo(harness, prelude, streamed);
  assert.deepEqual([answer.status, answer.body], [502, "Internal Server Error"]);
  const whole = await answerTo(harness, '{"statusCode":203,"body":"it is JSON"}', streamed);
  assert.deepEqual([whole.status, whole.body], [203, "it is JSON"]);
  harness.agent.handler = (_request, response) => response.writeHead(200, streamed).end(prelude);
  const invoked = await harness.invoke("none");
  assert.deepEqual([invoked.status, invoked.body], [200, prelude.toString()]);
});

test("L5: a URL's failures are in AWS's words, with the ids and the CORS headers of every answer", async () => {
  await using harness = await startHarness({ ESB_QUEUE_LIMIT: "1" }, functions);
  const trace = "Root=1-5759e988-bd862e3fe1be46a994272793";
  const headers = { origin: "https://a.example", "x-amzn-trace-id": trace };
  harness.agent.handler = (_request, response) => response.writeHead(200, { "x-amz-function-error": "E" }).end("{}");
  for (const name of ["open", "stream"]) {
    const failed = await askUrl(harness, name, { headers });
    assert.deepEqual([failed.status, failed.body], [502, "Internal Server Error"]);
    assert.match(String(failed.headers["x-amzn-requestid"]), /^[0-9a-f-]{36}$/);
    assert.equal(failed.headers["x-amzn-trace-id"], trace);
    const allowed = name === "open" ? "https://a.example" : undefined;
    assert.equal(failed.headers["access-control-allow-origin"], allowed);
  }
  for (const host of [urlHost("none"), urlHost("nobody"), urlHost("open", "eu-west-1")]) {
    const { status, body, headers: told } = await send(`${harness.url}/`, "GET", { host });
    assert.deepEqual([status, body, told["x-amzn-errortype"]], [403, '{"Message":null}', "AccessDeniedException"]);
  }
  const large = await askUrl(harness, "open", { method: "POST", body: Buffer.alloc(6 * 2 ** 20, "x") });
  assert.equal(large.status, 413);
  harness.agent.handler = (_request, response) => response.end(`"${"x".repeat(6_291_556)}"`);
  assert.equal((await askUrl(harness, "open")).status, 502);
});

for (const name of ["open", "stream"]) {
  test(`L5: a URL of a function that is throttled is 429: ${name}`, async () => {
    await using harness = await startHarness({ ESB_QUEUE_LIMIT: "1" }, functions);
    const running: ServerResponse[] = [];
    harness.agent.handler = (_request, response) => running.push(response);
    const first = askUrl(harness, name);
    await until(() => running.length === 1);
    const others = [askUrl(harness, name), askUrl(harness, name)];
    const { status, headers } = await Promise.race(others);
    assert.deepEqual([status, headers["x-amzn-errortype"]], [429, "TooManyRequestsException"]);
    assert.equal(headers["retry-after"], "1");
    running[0]?.end("1");
    await until(() => running.length === 2);
    running[1]?.end("1");
    assert.equal((await first).status, 200);
    assert.deepEqual((await Promise.all(others)).map((answer) => answer.status).sort(), [200, 429]);
  });
}
