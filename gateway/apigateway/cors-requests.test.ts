import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { answering, type RoutesHarness, startRoutes } from "../testing/routes.ts";

const page = "https://app.example.com";
const cors = `{ allowOrigins: ["${page}"], allowMethods: [GET, POST], allowHeaders: [authorization], allowCredentials: true, exposeHeaders: [x-total], maxAge: 60 }`;
const routing = `
routes:
  - { path: /mine, method: [GET, POST], function: hello, cors: ${cors} }
  - { path: /open, method: ANY, function: hello, auth: none, payload: "2.0", cors: ${cors} }
  - { path: /any, method: ANY, function: hello, auth: none }
  - { path: /own, method: GET, function: hello, auth: none }
  - { path: /own, method: OPTIONS, function: hello, auth: none }
`;

let door: RoutesHarness;
before(async () => {
  door = await startRoutes(routing);
});
after(() => door[Symbol.asyncDispose]());

const preflight = (path: string, origin = page, method = "GET") =>
  door.request("OPTIONS", path, {
    origin,
    "access-control-request-method": method,
    "access-control-request-headers": "authorization",
  });
const invoked = () => [...door.agent.workers.values()].flatMap(({ http }) => http.received).length;

test("G3 CORS: a preflight needs no token and reaches no function", async () => {
  const before = invoked();
  for (const path of ["/mine", "/open"]) {
    const { status, headers, body } = await preflight(path);
    assert.equal(status, 204);
    assert.equal(body, "");
    assert.equal(headers["access-control-allow-origin"], page);
    assert.equal(headers["access-control-allow-credentials"], "true");
    assert.equal(headers["access-control-allow-methods"], "GET,POST");
    assert.equal(headers["access-control-allow-headers"], "authorization");
    assert.equal(headers["access-control-max-age"], "60");
  }
  assert.equal(invoked(), before);
});

test("G3 CORS: /metrics counts preflights", async () => {
  const count = async () => {
    const { body } = await door.get("/metrics");
    return Number(/^esb_route_answers_total\{route="preflight",status="204"\} (\d+)$/m.exec(body)?.[1] ?? 0);
  };
  const before = await count();
  for (const path of ["/mine", "/any"]) await preflight(path);
  assert.equal(await count(), before + 2);
});

test("G3 CORS: a preflight from elsewhere, or to a route that has no CORS, is allowed nothing and reaches no function", async () => {
  const before = invoked();
  for (const answer of [await preflight("/mine", "https://evil.example.com"), await preflight("/any")]) {
    assert.equal(answer.status, 204);
    assert.deepEqual(
      Object.keys(answer.headers).filter((name) => name.startsWith("access-control-")),
      [],
    );
  }
  assert.equal(invoked(), before);
});

test("G3 CORS: a route that names OPTIONS and has no CORS answers preflights itself", async () => {
  door.agent.handler = answering({ statusCode: 200, headers: { "access-control-allow-origin": "https://theirs" } });
  const { status, headers } = await preflight("/own");
  assert.equal(status, 200);
  assert.equal(headers["access-control-allow-origin"], "https://theirs");
});

test("G3 CORS: an OPTIONS that is no preflight is a request like others", async () => {
  door.agent.handler = answering({ statusCode: 200, body: "theirs" });
  assert.equal((await door.request("OPTIONS", "/open")).body, "theirs");
  assert.equal((await door.request("OPTIONS", "/any", { origin: page })).body, "theirs");
});

test("G3 CORS: our headers stand in place of the function's, for an origin that is allowed or not", async () => {
  door.agent.handler = answering({
    statusCode: 200,
    headers: { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*", Vary: "accept" },
  });
  const allowed = await door.request("GET", "/open", { origin: page });
  assert.equal(allowed.headers["access-control-allow-origin"], page);
  assert.equal(allowed.headers["access-control-expose-headers"], "x-total");
  assert.equal(allowed.headers["access-control-allow-headers"], undefined);
  assert.equal(allowed.headers.vary, "accept, Origin");
  const other = await door.request("GET", "/open", { origin: "https://evil.example.com" });
  assert.equal(other.headers["access-control-allow-origin"], undefined);
  assert.equal(other.headers.vary, "accept, Origin");
});

test("G3 CORS: errors of our own can be read by the page too", async () => {
  door.agent.handler = answering("no JSON");
  const cases = [
    [await door.request("GET", "/mine", { origin: page }), 401],
    [await door.request("DELETE", "/mine", { origin: page }), 403],
    [await door.request("GET", "/own", { origin: page }), 502],
  ] as const;
  for (const [answer, status] of cases) assert.equal(answer.status, status);
  for (const [answer] of cases.slice(0, 2)) assert.equal(answer.headers["access-control-allow-origin"], page);
  assert.equal(cases[2][0].headers["access-control-allow-origin"], undefined);
});
