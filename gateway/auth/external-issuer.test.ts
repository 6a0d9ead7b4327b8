import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { send, until } from "../testing/harness.ts";
import { listening } from "../testing/listen.ts";
import { startRoutes } from "../testing/routes.ts";

const routing = 'routes: [{ path: "/who", method: GET, function: hello }]';

/** A user pool of its own on 127.0.0.1. */
async function startIssuer() {
  const make = async (kid: string) => {
    const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
    return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "RS256", use: "sig" } };
  };
  let key = await make("one");
  let asked = 0;
  const server = createServer((request, response) => {
    asked++;
    const found = request.url === "/pool/.well-known/openid-configuration";
    response.end(JSON.stringify(found ? { issuer, jwks_uri: `${issuer}/keys` } : { keys: [key.jwk] }));
  });
  const issuer = `http://127.0.0.1:${await listening(server)}/pool`;
  return {
    issuer,
    asked: () => asked,
    rotate: async () => {
      key = await make("two");
    },
    token: (claims: JWTPayload) =>
      new SignJWT({ iss: issuer, sub: "u", ...claims })
        .setProtectedHeader({ alg: "RS256", kid: key.kid })
        .setIssuedAt()
        .setExpirationTime("1h")
        .sign(key.privateKey),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const settings = (issuer: string) => ({
  ESB_JWT_EXTERNAL_ISSUER: issuer,
  ESB_JWT_EXTERNAL_AUDIENCE: "client-a, client-b",
});
const body = JSON.stringify({ AuthParameters: { USERNAME: "developer", PASSWORD: "developer" } });
const key = { "x-api-key": "esb-development-key" };

test("G2: tokens of an issuer elsewhere are accepted in place of ours, ID and access tokens; claims and scopes reach the event", async () => {
  await using issuer = await startIssuer();
  await using harness = await startRoutes(routing, settings(issuer.issuer));
  const call = async (token: string) => (await harness.request("GET", "/who", { authorization: token })).status;
  const id = await issuer.token({ aud: "client-a", token_use: "id", email: "ada@example.org" });
  assert.equal(await call(id), 200);
  assert.ok(JSON.stringify(harness.lastEvent()).includes("ada@example.org"));
  assert.equal(await call(await issuer.token({ client_id: "client-b", token_use: "access", scope: "read" })), 200);
  assert.equal(await call(await issuer.token({ aud: "client-c" })), 401);
  // Nobody signs tokens here any more.
  assert.equal((await send(`${harness.url}/user/auth/ver1.0`, "POST", key, body)).status, 404);
  assert.equal((await harness.get("/.well-known/jwks.json")).body, '{"keys":[]}');
});

test("G2: beside an issuer elsewhere ours go on only where a key of ours is set", async () => {
  await using issuer = await startIssuer();
  const secret = { ESB_JWT_SECRET: "a secret of thirty-two characters and more" };
  await using harness = await startRoutes(routing, { ...settings(issuer.issuer), ...secret });
  const answer = await send(`${harness.url}/user/auth/ver1.0`, "POST", key, body);
  const tokens = [JSON.parse(answer.body).AuthenticationResult.IdToken, await issuer.token({ aud: "client-a" })];
  for (const authorization of tokens) {
    assert.equal((await harness.request("GET", "/who", { authorization })).status, 200);
  }
});

test("G2: an issuer that is away when the gateway starts stops nothing: 503 until it is known, then its tokens are good also without it", async () => {
  await using issuer = await startIssuer();
  const closed = createServer();
  const port = await listening(closed);
  closed.close();
  const absent = { ...settings("http://127.0.0.1:1/pool"), ESB_JWT_EXTERNAL_JWKS: `http://127.0.0.1:${port}/keys` };
  await using without = await startRoutes(routing, absent);
  const authorization = await issuer.token({ iss: "http://127.0.0.1:1/pool", aud: "client-a" });
  const answer = await without.request("GET", "/who", { authorization });
  assert.deepEqual([answer.status, answer.headers["retry-after"]], [503, "5"]);
  const status = JSON.parse((await without.get("/ready")).body).issuer;
  assert.equal(status.url, "http://127.0.0.1:1/pool");
  assert.ok(status.error.length > 0);
  await using harness = await startRoutes(routing, settings(issuer.issuer));
  // Discovery and the keys.
  await until(() => issuer.asked() === 2);
  await until(async () => JSON.parse((await harness.get("/ready")).body).issuer.error === undefined);
  const token = await issuer.token({ aud: "client-a" });
  await issuer[Symbol.asyncDispose]();
  assert.equal((await harness.request("GET", "/who", { authorization: token })).status, 200);
  await issuer.rotate();
  assert.equal(
    (await harness.request("GET", "/who", { authorization: await issuer.token({ aud: "client-a" }) })).status,
    401,
  );
});
