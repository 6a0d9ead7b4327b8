import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request as open, type RequestOptions } from "node:http";
import { test } from "node:test";
import { LambdaFunctionUrlSchema } from "@aws-lambda-powertools/parser/schemas/lambda";
import { askUrl, urlHost } from "../testing/function-url.ts";
import { type Harness, send, startHarness, until } from "../testing/harness.ts";
import { integrationType } from "./prelude.ts";

const functions = `
functions:
  Open: { image: x, url: { auth: NONE } }
  stream: { image: x, url: { auth: NONE, invokeMode: RESPONSE_STREAM, cors: { allowOrigins: ["https://a.example"] } } }
  mine: { image: x, url: { auth: AWS_IAM } }
  none: { image: x }
`;

const ask = (
  harness: Harness,
  name: string,
  path = "/",
  headers: Record<string, string> = {},
  method = "GET",
  body?: string,
) => askUrl(harness, name, { path, headers, method, ...(body === undefined ? {} : { body }) });

/** An answer as it comes. */
async function begun(harness: Harness, name: string, options: RequestOptions = {}): Promise<IncomingMessage> {
  const { hostname, port } = new URL(harness.url);
  const request = open({
    hostname,
    port,
    agent: false,
    ...options,
    headers: { host: urlHost(name), ...options.headers },
  });
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return response;
}

function prelude(metadata: object, body = ""): Buffer {
  return Buffer.concat([Buffer.from(JSON.stringify(metadata)), Buffer.alloc(8), Buffer.from(body)]);
}

test("L5: a function URL's event is payload 2.0 as AWS's own schema has it, whatever the path", async () => {
  await using harness = await startHarness({}, functions);
  let event: Record<string, unknown> = {};
  harness.agent.handler = (_request, response, body) => {
    event = JSON.parse(body.toString());
    response.end(JSON.stringify({ statusCode: 201, headers: { "x-a": "b" }, cookies: ["c=d"], body: "done" }));
  };
  for (const path of ["/health?a=1&a=2", "/2015-03-31/functions/none/invocations", "/"]) {
    const answer = await ask(harness, "open", path, { cookie: "x=y", "content-type": "text/plain" }, "POST", "hi");
    assert.deepEqual([answer.status, answer.body, answer.headers["x-a"]], [201, "done", "b"]);
    assert.deepEqual(answer.headers["set-cookie"], ["c=d"]);
    const parsed = LambdaFunctionUrlSchema.parse(event);
    assert.deepEqual([parsed.rawPath, parsed.body, parsed.cookies], [path.split("?")[0], "hi", ["x=y"]]);
    const { accountId, apiId, domainName, domainPrefix, routeKey, stage, requestId } = parsed.requestContext;
    assert.deepEqual(
      [accountId, apiId, domainPrefix, routeKey, stage],
      ["anonymous", "Open", "open", "$default", "$default"],
    );
    assert.equal(domainName, "open.lambda-url.us-east-1.localhost");
    assert.equal(requestId, answer.headers["x-amzn-requestid"]);
  }
});

test("L5: who has no URL, and another region, are 403; a request to esb itself is not touched", async () => {
  await using harness = await startHarness({}, functions);
  for (const host of [urlHost("none"), urlHost("nobody"), urlHost("open", "eu-west-1")]) {
    const answer = await send(`${harness.url}/`, "GET", { host });
    assert.deepEqual([answer.status, answer.body], [403, '{"Message":null}']);
  }
  assert.equal((await harness.get("/health")).status, 200);
});

test("L5: AWS_IAM asks for what Lambda's API asks for", async () => {
  await using harness = await startHarness({ ESB_LAMBDA_AUTH: "required" }, functions);
  const refused = await ask(harness, "mine");
  assert.equal(refused.status, 403);
  let event: { requestContext?: { authorizer?: { iam?: { callerId?: string } } } } = {};
  harness.agent.handler = (_request, response, body) => {
    event = JSON.parse(body.toString());
    response.end('"in"');
  };
  const answer = await ask(harness, "mine", "/", { "x-api-key": "esb-development-key" });
  assert.deepEqual([answer.status, answer.body], [200, "in"]);
  assert.ok(event.requestContext?.authorizer?.iam?.callerId);
  assert.equal((await ask(harness, "open")).status, 200);
});

test("L5: RESPONSE_STREAM: status, headers and cookies from the prelude, and each piece at once", async () => {
  await using harness = await startHarness({}, functions);
  const { promise, resolve } = Promise.withResolvers<void>();
  harness.agent.handler = (request, response) => {
    assert.equal(request.headers["x-esb-response-mode"], "streaming");
    response.writeHead(200, { "content-type": integrationType, "lambda-runtime-function-response-mode": "streaming" });
    const metadata = {
      statusCode: 203,
      headers: { "Content-Type": "text/event-stream", "x-a": 1 },
      cookies: ["a=1", "b=2"],
    };
    const head = prelude(metadata, "first");
    // In the middle of the delimiter.
    const cut = head.length - "first".length - 3;
    response.write(head.subarray(0, cut), () => setImmediate(() => response.write(head.subarray(cut))));
    void promise.then(() => response.end("second"));
  };
  const response = await begun(harness, "stream", { headers: { origin: "https://a.example" } });
  assert.equal(response.statusCode, 203);
  assert.equal(response.headers["content-type"], "text/event-stream");
  assert.equal(response.headers["x-a"], "1");
  assert.deepEqual(response.headers["set-cookie"], ["a=1", "b=2"]);
  assert.equal(response.headers["access-control-allow-origin"], "https://a.example");
  const [first] = await once(response, "data");
  assert.equal(String(first), "first");
  const rest = response.toArray();
  resolve();
  assert.equal(Buffer.concat(await rest).toString(), "second");
});

test("L5: RESPONSE_STREAM without a prelude: 200 with the stream's own type; a whole answer is passed on as it is", async () => {
  await using harness = await startHarness({}, functions);
  harness.agent.handler = (_request, response) => {
    response.writeHead(200, { "content-type": "text/csv", "content-encoding": "x-none" });
    response.write("a,");
    response.end("b");
  };
  const answer = await ask(harness, "stream");
  assert.deepEqual([answer.status, answer.headers["content-type"], answer.body], [200, "text/csv", "a,b"]);
  assert.equal(answer.headers["content-encoding"], "x-none");
});

test("L5: RESPONSE_STREAM: a failure before the first byte is 502, one behind it cuts the answer off", async () => {
  await using harness = await startHarness({}, functions);
  const answers = [
    { headers: { "x-amz-function-error": "Unhandled" }, body: "{}" },
    { headers: { "content-type": integrationType }, body: "no json" },
    { headers: { "content-type": integrationType }, body: prelude({ statusCode: "many" }) },
    { headers: { "content-type": integrationType }, body: prelude({ headers: { "no name": "a" } }) },
    { headers: { "content-type": integrationType }, body: prelude({ headers: { "x-a": "two\nlines" } }) },
    { headers: { "content-type": integrationType }, body: prelude({ cookies: ["a=\u0000"] }) },
    { headers: { "content-type": integrationType }, body: "x".repeat(70_000) },
  ];
  for (const { headers, body } of answers) {
    harness.agent.handler = (_request, response) => response.writeHead(200, headers).end(body);
    const answer = await ask(harness, "stream");
    assert.deepEqual([answer.status, answer.body], [502, "Internal Server Error"]);
  }
  harness.agent.handler = (_request, response) => {
    response.writeHead(200, { trailer: "lambda-runtime-function-error-type" });
    response.write("half");
    response.addTrailers({ "lambda-runtime-function-error-type": "E" });
    response.end();
  };
  await assert.rejects(ask(harness, "stream"), { code: "ECONNRESET" });
  harness.agent.handler = (_request, response) => response.end("1");
  assert.equal((await ask(harness, "stream")).body, "1");
  assert.equal(harness.agent.calls.filter((call) => call.startsWith("destroy")).length, 0);
});

test("L5: RESPONSE_STREAM: a client that goes lets the function end, and its worker serves the next", async () => {
  await using harness = await startHarness({}, functions);
  let ended = false;
  harness.agent.handler = (_request, response) => {
    response.writeHead(200, { "content-type": "text/plain" });
    response.write("half");
    response.on("finish", () => {
      ended = true;
    });
    harness.agent.handler = (_again, next) => next.end("1");
    setTimeout(() => response.end(Buffer.alloc(8 * 2 ** 20)), 20);
  };
  (await begun(harness, "stream")).destroy();
  await until(() => ended);
  assert.equal((await ask(harness, "stream")).body, "1");
  assert.equal(harness.agent.calls.filter((call) => call.startsWith("destroy")).length, 0);
});

test("L5: CORS of a function URL answers preflights itself", async () => {
  await using harness = await startHarness({}, functions);
  const headers = { origin: "https://a.example", "access-control-request-method": "PUT" };
  const answer = await ask(harness, "stream", "/x", headers, "OPTIONS");
  assert.deepEqual([answer.status, answer.headers["access-control-allow-origin"]], [200, "https://a.example"]);
  assert.ok(!harness.agent.calls.some((call) => call.startsWith("ensure")));
});
