import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { type ClientHttp2Session, constants } from "node:http2";
import { test } from "node:test";
import { startDraining } from "../testing/draining.ts";
import { until } from "../testing/harness.ts";
import { answerOf, begin, openHttp2 } from "../testing/http2-client.ts";
import { startRoutes } from "../testing/routes.ts";

const path = "/2015-03-31/functions/hello/invocations";

async function setUp(environment: Record<string, string> = {}) {
  await using stack = new AsyncDisposableStack();
  const harness = stack.use(
    await startRoutes(
      'routes: [{ path: "/{proxy+}", method: ANY, function: hello, auth: none, payload: "2.0" }]',
      { ESB_TLS: "on", ...environment },
      "functions: { hello: { image: x, timeout: 30, concurrency: { max: 8 } } }",
    ),
  );
  harness.agent.handler = (_request, response, event) => response.end(event);
  const session = stack.use(await openHttp2(harness.url));
  const owned = stack.move();
  const ask = (
    ...[method, target, headers, body]: Parameters<typeof begin> extends [unknown, ...infer R] ? R : never
  ) => answerOf(begin(session, method, target, headers, body));
  return { harness, session, ask, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const closeOf = async (stream: ReturnType<typeof begin>) => {
  if (!stream.closed) await new Promise((resolve) => stream.once("close", resolve));
  return stream.rstCode;
};

test("G7: HTTP/2: invocations, refusals, DryRun, HEAD, status and metrics are those of HTTP/1.1", async () => {
  await using setup = await setUp();
  const { ask } = setup;
  const answer = await ask("POST", path, {}, '{"a":1}');
  assert.equal(answer.status, 200);
  assert.equal(answer.body.toString(), '{"a":1}');
  assert.equal(answer.headers["x-amz-executed-version"], "$LATEST");
  assert.equal((await ask("POST", path, { "x-amz-invocation-type": "DryRun" }, "{}")).status, 204);
  const refused = await ask("POST", path, {}, "{");
  assert.equal(refused.status, 400);
  assert.equal(refused.headers["x-amzn-errortype"], "InvalidRequestContentException");
  for (const target of ["/health", "/ready", "/metrics"]) assert.equal((await ask("GET", target)).status, 200);
  const head = await ask("HEAD", "/health");
  assert.equal(head.status, 200);
  assert.equal(head.body.length, 0);
});

test("G5, G7: HTTP/2: a route's event has the authority as its host, and the cookies as one header", async () => {
  await using setup = await setUp();
  const { harness, ask } = setup;
  harness.agent.handler = (_request, response) =>
    response.end('{"statusCode":201,"cookies":["a=1","b=2"],"body":"ok"}');
  const answer = await ask("GET", "/users?x=1", { cookie: ["c=1", "d=2"] });
  assert.equal(answer.status, 201);
  assert.equal(answer.body.toString(), "ok");
  assert.deepEqual(answer.headers["set-cookie"], ["a=1", "b=2"]);
  const event = harness.lastEvent() as {
    headers: Record<string, string>;
    cookies: string[];
    requestContext: { domainName: string; http: { protocol: string } };
  };
  assert.equal(event.headers.host, new URL(harness.url).host);
  assert.deepEqual(event.cookies, ["c=1", "d=2"]);
  assert.equal(event.requestContext.domainName, "127.0.0.1");
  assert.equal(event.requestContext.http.protocol, "HTTP/2.0");
  assert.deepEqual(
    Object.keys(event.headers).filter((name) => name.startsWith(":")),
    [],
  );
});

test("G7: HTTP/2: 6 MiB go in, 6 MiB come out; more is 413 before it has all been sent, and the session goes on", async () => {
  await using setup = await setUp();
  const { ask } = setup;
  const largest = Buffer.from(`"${"x".repeat(6 * 2 ** 20 - 2)}"`);
  const answer = await ask("POST", path, {}, largest);
  assert.equal(answer.status, 200);
  assert.ok(answer.body.equals(largest));
  const announced = { "content-length": String(largest.length + 1) };
  const refused = begin(setup.session, "POST", path, announced, Buffer.concat([largest, Buffer.from(" ")]));
  assert.equal((await answerOf(refused)).status, 413);
  assert.equal((await ask("GET", "/health")).status, 200);
});

test("G7: HTTP/2: a large answer is read from the worker no faster than the client reads, others pass it by", async () => {
  await using setup = await setUp();
  const { harness, session, ask } = setup;
  const bytes = 6 * 2 ** 20;
  let workerSends: ServerResponse | undefined;
  harness.agent.handler = (_request, response, event) => {
    if (event.toString() !== '"large"') {
      response.end("1");
      return;
    }
    workerSends = response;
    response.writeHead(200, { "content-length": bytes }).end(Buffer.alloc(bytes, "1"));
  };
  const slow = begin(session, "POST", path, {}, '"large"');
  await once(slow, "response");
  await once(slow.pause(), "readable").catch(() => undefined);
  assert.equal((await ask("POST", path, {}, "{}")).body.toString(), "1");
  assert.ok(workerSends !== undefined && workerSends.writableLength > 0, "the worker waits for the client");
  let received = 0;
  for await (const chunk of slow) received += chunk.length;
  assert.equal(received, bytes);
});

test("G7: HTTP/2: a worker that breaks off: the stream is reset, not ended as if it were whole; the session stays", async () => {
  await using setup = await setUp();
  const { harness, session, ask } = setup;
  const sent = Promise.withResolvers<ServerResponse>();
  harness.agent.handler = (_request, response) => {
    response.writeHead(200, { "content-length": 1_000_000 }).write(Buffer.alloc(500_000, "1"));
    sent.resolve(response);
  };
  const stream = begin(session, "POST", path, {}, "{}");
  await once(stream, "response");
  stream.resume();
  (await sent.promise).destroy();
  assert.equal(await closeOf(stream), constants.NGHTTP2_INTERNAL_ERROR);
  harness.agent.handler = (_request, response) => response.end("1");
  assert.equal((await ask("POST", path, {}, "{}")).status, 200);
});

test("G7: HTTP/2: clients that leave, whatever code they give, hold nobody up; what waits for a worker leaves its queue", async () => {
  await using setup = await setUp();
  const { harness, session, ask } = setup;
  const running: ServerResponse[] = [];
  harness.agent.handler = (_request, response) => running.push(response);
  const streams = Array.from({ length: 12 }, () => begin(session, "POST", path, {}, "{}"));
  const waiting = async () =>
    (await ask("GET", "/metrics")).body.toString().match(/esb_queue_length\{[^}]*\} (\d+)/)?.[1];
  await until(() => running.length === 8);
  await until(async () => (await waiting()) === "4");
  for (const [index, stream] of streams.entries()) {
    stream.close(index % 2 === 0 ? constants.NGHTTP2_CANCEL : constants.NGHTTP2_INTERNAL_ERROR);
  }
  await until(async () => (await waiting()) === "0");
  for (const response of running.splice(0)) response.end("1");
  const next = ask("POST", path, {}, "{}");
  await until(() => running.length === 1);
  running[0]?.end("2");
  assert.equal((await next).body.toString(), "2");
});

const odd: ReadonlyArray<readonly [string, Parameters<ClientHttp2Session["request"]>[0], number]> = [
  ["a Host that is not the authority", { ":path": "/health", ":authority": "one", host: "other" }, 400],
  ["an authority that is none", { ":path": "/health", ":authority": "a b" }, 400],
  ["headers of more than 10,240 bytes", { ":path": "/health", x: "a".repeat(10_241) }, 431],
  ["a path of more than 10,240 characters", { ":path": `/${"a".repeat(10_240)}` }, 414],
  ["CONNECT", { ":method": "CONNECT", ":authority": "x:80" }, 405],
  ["a method that nobody knows", { ":method": "FOO", ":path": "/health" }, 400],
  ["OPTIONS *", { ":method": "OPTIONS", ":path": "*" }, 204],
];
for (const [what, headers, status] of odd) {
  test(`G7: HTTP/2: ${what}: ${status}, or the stream is refused; the session goes on`, async () => {
    await using setup = await setUp();
    const stream = setup.session.request(headers);
    stream.on("error", () => undefined);
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    stream.once("response", (answer) => resolve(answer[":status"])).once("close", () => resolve(undefined));
    const told = await promise;
    if (told !== undefined) assert.equal(told, status);
    else assert.equal(stream.rstCode, constants.NGHTTP2_PROTOCOL_ERROR);
    assert.equal((await setup.ask("GET", "/health")).status, 200);
  });
}

test("S4, G7: HTTP/2: told to end, the gateway says GOAWAY, and what runs is answered", async () => {
  await using setup = await startDraining({ ESB_TLS: "on" });
  const url = `https://127.0.0.1:${setup.port}`;
  await using session = await openHttp2(url);
  await using idle = await openHttp2(url);
  const stream = begin(session, "POST", path, {}, "{}");
  await until(() => setup.running.length === 1);
  const goaway = once(session, "goaway");
  const idleGoaway = once(idle, "goaway");
  await setup.stop();
  await goaway;
  setup.running[0]?.end('"done"');
  const answer = await answerOf(stream);
  assert.equal(answer.status, 200);
  assert.equal(answer.body.toString(), '"done"');
  await idleGoaway;
  assert.deepEqual((await setup.gateway.exited)[0], 0);
});
