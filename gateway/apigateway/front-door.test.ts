import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { until } from "../testing/harness.ts";
import { answering, type RoutesHarness, startRoutes } from "../testing/routes.ts";

const routing = `
defaults: { auth: none }
stages: { prod: { TABLE: users } }
routes:
  - { path: "/one/{id}", method: ANY, function: hello, payload: "1.0", stage: prod, binaryMediaTypes: ["image/*"] }
  - { path: "/two/{id}", method: ANY, function: hello, payload: "2.0" }
  - { path: "/two/{id}/head", method: [GET, HEAD], function: hello, payload: "2.0" }
  - { path: "/mine", method: GET, function: hello, auth: jwt }
`;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

let door: RoutesHarness;
before(async () => {
  door = await startRoutes(routing);
});
after(() => door[Symbol.asyncDispose]());

test("G5: a REST API's event reaches the function, its answer the client", async () => {
  door.agent.handler = answering({
    statusCode: 201,
    headers: { "X-One": "1" },
    multiValueHeaders: { "Set-Cookie": ["a=1", "b=2"] },
    body: "made",
  });
  const answer = await door.request("PUT", "/one/a%20b?x=1&x=2", { "X-Mine": ["1", "2"] }, "text");
  assert.equal(answer.status, 201);
  assert.equal(answer.body, "made");
  assert.equal(answer.headers["x-one"], "1");
  assert.deepEqual(answer.headers["set-cookie"], ["a=1", "b=2"]);
  assert.equal(answer.headers["x-esb-start"], "cold");
  const event = door.lastEvent();
  assert.equal(event.resource, "/one/{id}");
  assert.deepEqual(event.pathParameters, { id: "a b" });
  assert.deepEqual(event.multiValueQueryStringParameters, { x: ["1", "2"] });
  assert.deepEqual((event.multiValueHeaders as Record<string, unknown>)["X-Mine"], ["1", "2"]);
  assert.deepEqual(event.stageVariables, { TABLE: "users" });
  assert.equal(event.body, "text");
  const context = event.requestContext as Record<string, unknown>;
  assert.match(String(context.requestId), uuid);
  assert.equal(answer.headers["x-amzn-requestid"], context.requestId);
  assert.equal(answer.headers["x-amz-apigw-id"], context.extendedRequestId);
});

test("G5: an HTTP API's event reaches the function, its inferred answer the client", async () => {
  door.agent.handler = answering({ digits: "kept" });
  const answer = await door.request("POST", "/two/7?x=1", { "content-type": "text/plain" }, "text");
  assert.equal(answer.status, 200);
  assert.deepEqual(JSON.parse(answer.body), { digits: "kept" });
  const event = door.lastEvent();
  assert.equal(event.version, "2.0");
  assert.equal(event.routeKey, "ANY /two/{id}");
  assert.equal(event.rawQueryString, "x=1");
  const context = event.requestContext as Record<string, unknown>;
  assert.equal(answer.headers["apigw-requestid"], context.requestId);
  assert.equal(answer.headers["x-amzn-requestid"], undefined);
  assert.equal((context.http as Record<string, unknown>).sourceIp, "127.0.0.1");
});

test("G5: the worker is told the request's id and trace, and nothing of the client's credentials", async () => {
  door.agent.handler = answering({ statusCode: 200 });
  const answer = await door.request("GET", "/one/1", { authorization: "secret", cookie: "a=b" });
  const got = door.agent.workers.get("hello-0")?.http.received.at(-1)?.headers ?? {};
  assert.equal(got["x-amzn-requestid"], answer.headers["x-amzn-requestid"]);
  const headers = door.lastEvent().headers as Record<string, string>;
  assert.equal(got["x-amzn-trace-id"], headers["X-Amzn-Trace-Id"]);
  assert.equal(got.authorization, undefined);
  assert.equal(got.cookie, undefined);
});

test("G5: bytes go in and out as they are", async () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
  door.agent.handler = (_request, response, body) => {
    const { body: given, isBase64Encoded } = JSON.parse(body.toString());
    answering({ statusCode: 200, headers: { "content-type": "image/png" }, isBase64Encoded, body: given })(
      {},
      response,
    );
  };
  for (const path of ["/one/x", "/two/x"]) {
    for (const headers of [{}, { "transfer-encoding": "chunked" }]) {
      const response = await fetch(`${door.url}${path}`, {
        method: "POST",
        headers: { "content-type": "image/png" },
        body: "transfer-encoding" in headers ? new Blob([bytes]).stream() : bytes,
        duplex: "half",
      });
      assert.equal(response.headers.get("content-length"), "256");
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), bytes);
    }
  }
});

const unknown = [
  ["GET", "/nothing"],
  ["GET", "/one"],
  ["PROPFIND", "/one/1"],
  ["TRACE", "/one/1"],
  ["DELETE", "/health"],
  ["POST", "/mine"],
  ["GET", "//health"],
] as const;
for (const [method, path] of unknown) {
  test(`G3: an unknown ${method} ${path} is 403 in a REST API's words, with its headers`, async () => {
    const answer = await door.request(method, path);
    assert.equal(answer.status, 403);
    assert.equal(answer.body, '{"message":"Missing Authentication Token"}');
    assert.equal(answer.headers["x-amzn-errortype"], "MissingAuthenticationTokenException");
    assert.equal(answer.headers["content-type"], "application/json");
    assert.match(String(answer.headers["x-amzn-requestid"]), uuid);
    assert.match(String(answer.headers["x-amz-apigw-id"]), /^[\w+/]{15}=$/);
  });
}

test("G7: a URL and headers that are too large only together are 431 of an HTTP API, and taken by a REST API", async () => {
  door.agent.handler = answering({ statusCode: 200 });
  const large = "a".repeat(6000);
  assert.equal((await door.request("GET", `/one/1?${large}`, { "x-large": large })).status, 200);
  const answer = await door.request("GET", `/two/1?${large}`, { "x-large": large });
  assert.equal(answer.status, 431);
  assert.equal(answer.body, '{"message":"Request Header Fields Too Large"}');
});

test("G3: an unknown method of an HTTP API's path is 404 in its words", async () => {
  const answer = await door.request("PROPFIND", "/two/1");
  assert.equal(answer.status, 404);
  assert.equal(answer.body, '{"message":"Not Found"}');
  assert.match(String(answer.headers["apigw-requestid"]), uuid);
  assert.equal(answer.headers["x-amzn-errortype"], undefined);
});

for (const path of ["/%", "/one/%ff", "/one/%2", "/nothing/%zz"]) {
  test(`G3: ${path} cannot be read: 400, and nothing is invoked`, async () => {
    const calls = door.agent.workers.get("hello-0")?.http.received.length;
    const answer = await door.request("POST", path, {}, "body");
    assert.equal(answer.status, 400);
    assert.equal(answer.body, '{"message":"Bad Request"}');
    assert.equal(door.agent.workers.get("hello-0")?.http.received.length, calls);
  });
}

test("G2: what a route asks for and does not get is 401 in API Gateway's words", async () => {
  const answer = await door.request("GET", "/mine");
  assert.equal(answer.status, 401);
  assert.equal(answer.body, '{"message":"Unauthorized"}');
  assert.equal(answer.headers["x-amzn-errortype"], "UnauthorizedException");
});

test("G3: Lambda's prefix keeps Lambda's shapes", async () => {
  for (const path of ["/2015-03-31/", "/2015-03-31/functions/hello", "/2015-03-31/functions/hello/%ff"]) {
    const answer = await door.request("POST", path);
    assert.equal(answer.status, 404);
    assert.equal(answer.headers["x-amzn-errortype"], "ResourceNotFoundException");
  }
});

test("G3: HEAD has the length of the function's answer and no body", async () => {
  door.agent.handler = answering({ statusCode: 200, body: "12345" });
  for (const path of ["/one/1", "/two/1/head"]) {
    const answer = await door.request("HEAD", path);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["content-length"], "5");
    assert.equal(answer.body, "");
  }
  door.agent.handler = answering({ statusCode: 200, headers: { "content-length": "1234" } });
  assert.equal((await door.request("HEAD", "/two/1/head")).headers["content-length"], "1234");
});

test("G1: answers are counted by route and status", async () => {
  const { body } = await door.get("/metrics");
  assert.match(body, /esb_route_answers_total\{route="ANY \/one\/\{id\}",status="201"\} 1/);
  assert.match(body, /esb_route_answers_total\{route="none",status="403"\} 7/);
  assert.match(body, /esb_invocations_total\{function="hello",outcome="ok"\} \d+/);
});

test("G3: a changed file holds from the next request on; a broken one changes nothing", async () => {
  await using own = await startRoutes(routing);
  await writeFile(own.routingFile, routing.replace("/one/{id}", "/uno/{id}"));
  await until(async () => (await own.request("GET", "/uno/1")).status === 200);
  assert.equal((await own.request("GET", "/one/1")).status, 403);
  await writeFile(own.routingFile, "routes: [");
  await until(async () => /routing.yml/.test(JSON.parse((await own.get("/ready")).body).routing.error ?? ""));
  assert.equal((await own.request("GET", "/uno/1")).status, 200);
});
