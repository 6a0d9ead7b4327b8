import assert from "node:assert/strict";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createLocalJWKSet, decodeProtectedHeader, exportJWK, generateKeyPair, jwtVerify } from "jose";
import { type Harness, send, startHarness, until } from "../testing/harness.ts";
import { startRoutes } from "../testing/routes.ts";
import { hashPassword } from "./passwords/hash.ts";

const routing = `routes:
  - { path: "/who", method: GET, function: hello }
  - { path: "/key", method: GET, function: hello, auth: api-key }
  - { path: "/who2", method: GET, function: hello, payload: "2.0" }
`;
const key = { "x-api-key": "esb-development-key" };

function ask(harness: Harness, body: unknown, headers: Record<string, string> = key) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return send(`${harness.url}/user/auth/ver1.0`, "POST", headers, text);
}
const asking = (USERNAME: string, PASSWORD: string) => ({ AuthParameters: { USERNAME, PASSWORD } });
const developer = asking("developer", "developer");

async function tokenOf(harness: Harness, body: unknown = developer, headers = key): Promise<string> {
  const answer = await ask(harness, body, headers);
  assert.equal(answer.status, 200, answer.body);
  return JSON.parse(answer.body).AuthenticationResult.IdToken;
}

async function folder() {
  const path = await mkdtemp(join(tmpdir(), "esb-auth-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** As editors do it. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

test("G2: sign in, call a route with the token, and the event has its claims; without it 401", async () => {
  await using harness = await startRoutes(routing);
  for (const type of [{}, { "content-type": "application/json" }, { "content-type": "application/x-amz-json-1.1" }]) {
    const answer = await ask(harness, developer, { ...key, ...type });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.match(String(answer.headers["content-type"]), /^application\/json/);
  }
  const token = await tokenOf(harness);
  for (const authorization of [token, `Bearer ${token}`]) {
    assert.equal((await harness.request("GET", "/who", { authorization })).status, 200);
    const { requestContext } = harness.lastEvent() as {
      requestContext: { authorizer: { claims: Record<string, string> } };
    };
    assert.equal(requestContext.authorizer.claims["cognito:username"], "developer");
    assert.equal((await harness.request("GET", "/who2", { authorization })).status, 200);
  }
  for (const headers of [{}, { authorization: "Bearer x" }, { authorization: `${token}x` }, key]) {
    for (const path of ["/who", "/who2"]) {
      const answer = await harness.request("GET", path, headers);
      assert.deepEqual([answer.status, answer.body], [401, '{"message":"Unauthorized"}']);
    }
  }
  assert.equal((await harness.request("GET", "/key", key)).status, 200);
  const forbidden = await harness.request("GET", "/key", { authorization: token });
  assert.deepEqual([forbidden.status, forbidden.body], [403, '{"message":"Forbidden"}']);
});

test("G2: 400 and 401 have API Gateway's shape; 429 says when to come again", async () => {
  await using harness = await startHarness();
  const wrong = await ask(harness, asking("developer", "wrong"));
  assert.deepEqual([wrong.status, wrong.body], [401, '{"message":"Unauthorized"}']);
  const bad = await ask(harness, { AuthParameters: { USERNAME: "developer" } });
  assert.deepEqual([bad.status, bad.body], [400, '{"message":"AuthParameters.PASSWORD: PASSWORD must be text"}']);
  const odd = await ask(harness, developer, { ...key, "content-type": "x;;=" });
  assert.deepEqual([odd.status, odd.body], [400, '{"message":"Bad Request"}']);
  for (let round = 0; round < 19; round++) assert.equal((await ask(harness, developer, {})).status, 401);
  const throttled = await ask(harness, developer);
  assert.deepEqual([throttled.status, throttled.body], [429, '{"message":"Too Many Requests"}']);
  assert.ok(Number(throttled.headers["retry-after"]) > 0);
});

test("G2: behind a trusted proxy each client's failures count for itself", async () => {
  const ours = { "x-api-key": "a-key-of-our-own" };
  await using harness = await startHarness({ ESB_TRUSTED_PROXIES: "127.0.0.1", ESB_API_KEY: ours["x-api-key"] });
  const from = (address: string) => ({ "x-forwarded-for": address });
  for (let round = 0; round < 20; round++) await ask(harness, developer, from("192.0.2.1"));
  assert.equal((await ask(harness, developer, { ...ours, ...from("192.0.2.1") })).status, 429);
  assert.equal((await ask(harness, developer, { ...ours, ...from("192.0.2.2") })).status, 200);
});

test("G2: through a proxy on this machine, the well-known key gives no token and opens nothing", async () => {
  await using harness = await startHarness();
  const proxied = { ...key, "x-forwarded-for": "192.0.2.1" };
  assert.equal((await ask(harness, developer, proxied)).status, 401);
  assert.equal((await harness.invoke("hello", "{}", proxied)).status, 403);
  assert.equal((await ask(harness, developer)).status, 200);
});

test("G2: ESB_AUTH_FILE is read again when it changes; a broken one changes nothing and is told without its secrets", async () => {
  await using dir = await folder();
  const path = join(dir.path, "auth.yml");
  const hash = await hashPassword("swordfish", { N: 16, r: 1, p: 1 });
  const user = (name: string) =>
    `users: [{ username: ${name}, password: "${hash}", claims: { email: ada@example.org } }]\n`;
  await writeFile(path, `apiKeys: [{ id: shop, key: the-key-of-the-shop }]\n${user("ada")}`);
  await using harness = await startRoutes(routing, { ESB_AUTH_FILE: path });
  const shop = { "x-api-key": "the-key-of-the-shop" };
  assert.equal((await ask(harness, developer, shop)).status, 401);
  assert.equal((await ask(harness, asking("ada", "swordfish"), key)).status, 401);
  const authorization = await tokenOf(harness, asking("ada", "swordfish"), shop);
  await harness.request("GET", "/who", { authorization });
  assert.ok(JSON.stringify(harness.lastEvent()).includes("ada@example.org"));
  await replace(path, `apiKeys: [{ id: shop, key: the-key-of-the-shop, topsecret: topsecret }]\n${user("bob")}`);
  const status = async () => JSON.parse((await harness.get("/ready")).body).credentials;
  await until(async () => (await status()).error !== undefined);
  const told = await status();
  assert.match(told.error, /auth\.yml:1:49: apiKeys\.0: unknown key/);
  assert.doesNotMatch(JSON.stringify(told), /topsecret|swordfish|scrypt|the-key-of/);
  assert.equal((await ask(harness, asking("ada", "swordfish"), shop)).status, 200);
  await replace(path, `apiKeys: [{ id: shop, key: the-key-of-the-shop }]\n${user("bob")}`);
  await until(async () => (await ask(harness, asking("bob", "swordfish"), shop)).status === 200);
  assert.equal((await status()).error, undefined);
  assert.equal((await ask(harness, asking("ada", "swordfish"), shop)).status, 401);
});

test("G2: keys rotate without a restart: the JWKS shows both, tokens of both are good, until the old one is taken out", async () => {
  await using dir = await folder();
  const path = join(dir.path, "keys.json");
  const make = async () => exportJWK((await generateKeyPair("ES256", { extractable: true })).privateKey);
  const [old, next] = [
    { ...(await make()), kid: "old" },
    { ...(await make()), kid: "next" },
  ];
  const write = (...keys: object[]) => replace(path, JSON.stringify({ keys }));
  await write(old);
  await using harness = await startRoutes(routing, { ESB_JWT_KEYS: path, ESB_JWT_ISSUER: "https://esb.example" });
  const published = async () => JSON.parse((await harness.get("/.well-known/jwks.json")).body);
  const kids = async () => (await published()).keys.map(({ kid }: { kid: string }) => kid);
  const call = async (authorization: string) => (await harness.request("GET", "/who", { authorization })).status;
  const before = await tokenOf(harness);
  assert.equal(await call(before), 200);
  await write(next, old);
  await until(async () => (await kids()).length === 2);
  const after = await tokenOf(harness);
  assert.equal(decodeProtectedHeader(after).kid, "next");
  assert.deepEqual([await call(before), await call(after)], [200, 200]);
  assert.doesNotMatch(JSON.stringify(await published()), /"d"/);
  const { payload } = await jwtVerify(after, createLocalJWKSet(await published()), {
    issuer: "https://esb.example",
    audience: "esb",
  });
  assert.equal(payload.token_use, "id");
  await write(next);
  await until(async () => (await call(before)) === 401);
  assert.equal(await call(after), 200);
  assert.deepEqual(await kids(), ["next"]);
});

test("G2: a secret (HS256) is never published, and in development a key is made once for all restarts", async () => {
  await using dir = await folder();
  {
    await using harness = await startHarness({ ESB_JWT_SECRET: "a secret of thirty-two characters and more" });
    assert.equal(decodeProtectedHeader(await tokenOf(harness)).alg, "HS256");
    assert.equal((await harness.get("/.well-known/jwks.json")).body, '{"keys":[]}');
  }
  const state = { ESB_STATE_DIR: dir.path };
  let authorization: string;
  {
    await using harness = await startHarness(state);
    authorization = await tokenOf(harness);
    assert.equal(decodeProtectedHeader(authorization).alg, "ES256");
  }
  await using harness = await startRoutes(routing, state);
  assert.equal((await harness.request("GET", "/who", { authorization })).status, 200);
});
