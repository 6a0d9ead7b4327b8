import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type RoutesHarness, startRoutes } from "../testing/routes.ts";

/** Pages of other origins that sign in and read the keys (G2, G3). */

const page = "https://app.example.com";
const signIn = "/user/auth/ver1.0";
const keys = "/.well-known/jwks.json";
const routing = `
defaults: { cors: { allowOrigins: ["${page}"], allowCredentials: true, maxAge: 60 } }
routes: [{ path: "/{proxy+}", method: ANY, function: hello, auth: none, cors: false }]
`;
const body = JSON.stringify({ AuthParameters: { USERNAME: "developer", PASSWORD: "developer" } });

let door: RoutesHarness;
before(async () => {
  door = await startRoutes(routing);
});
after(() => door[Symbol.asyncDispose]());

const asked = (origin: string) => ({
  origin,
  "access-control-request-method": "POST",
  "access-control-request-headers": "content-type,x-api-key",
});
const allowedOf = ({ headers }: { headers: Record<string, unknown> }) =>
  Object.keys(headers).filter((name) => name.startsWith("access-control-"));

for (const [path, allow] of [
  [signIn, "POST, OPTIONS"],
  [keys, "GET, HEAD, OPTIONS"],
] as const) {
  test(`G2 CORS: ${path}: preflights are answered as the defaults of routing.yml say`, async () => {
    const { status, headers } = await door.request("OPTIONS", path, asked(page));
    assert.equal(status, 204);
    assert.equal(headers.allow, allow);
    assert.equal(headers["access-control-allow-origin"], page);
    assert.equal(headers["access-control-allow-credentials"], "true");
    assert.match(String(headers["access-control-allow-methods"]), /\bPOST\b/);
    assert.match(String(headers["access-control-allow-headers"]), /content-type.*x-api-key/);
    assert.equal(headers["access-control-max-age"], "60");
    const elsewhere = await door.request("OPTIONS", path, asked("https://evil.example.com"));
    assert.deepEqual([elsewhere.status, allowedOf(elsewhere)], [204, []]);
    const plain = await door.request("OPTIONS", path);
    assert.deepEqual([plain.status, plain.headers.allow, allowedOf(plain)], [204, allow, []]);
  });
}

test("G2 CORS: tokens, refusals and keys can be read by the pages that the defaults allow, and by no others", async () => {
  const key = { "x-api-key": "esb-development-key" };
  const asks = (origin: string) =>
    [
      [200, door.request("POST", signIn, { ...key, origin }, body)],
      [401, door.request("POST", signIn, { origin }, body)],
      [400, door.request("POST", signIn, { ...key, origin }, "no JSON")],
      [413, door.request("POST", signIn, { ...key, origin }, "x".repeat(20_000))],
      [200, door.request("GET", keys, { origin })],
    ] as const;
  for (const [status, answer] of asks(page)) {
    const { headers, ...told } = await answer;
    assert.equal(told.status, status, told.body);
    assert.equal(headers["access-control-allow-origin"], page);
    assert.equal(headers.vary, "Origin");
  }
  for (const [status, answer] of asks("https://evil.example.com")) {
    const told = await answer;
    assert.equal(told.status, status, told.body);
    assert.deepEqual(allowedOf(told), []);
  }
});

test("G2 CORS: without defaults no page of another origin may sign in", async () => {
  await using closed = await startRoutes("routes: []");
  const preflight = await closed.request("OPTIONS", signIn, asked(page));
  assert.deepEqual([preflight.status, allowedOf(preflight)], [204, []]);
  const answer = await closed.request("POST", signIn, { "x-api-key": "esb-development-key", origin: page }, body);
  assert.deepEqual([answer.status, allowedOf(answer)], [200, []]);
});
