import assert from "node:assert/strict";
import { test } from "node:test";
import { exportJWK, generateKeyPair, type JSONWebKeySet, type JWTPayload, SignJWT } from "jose";
import { FakeClock, settled } from "../../testing/fake-clock.ts";
import { verifyExternal } from "./external.ts";
import { ExternalKeys } from "./external-keys.ts";
import { InvalidToken, IssuerAway } from "./invalid-token.ts";

async function issuerKey(kid: string) {
  const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "RS256", use: "sig" } };
}
const [first, second] = await Promise.all([issuerKey("first"), issuerKey("second")]);
const header = { alg: "RS256", kid: "first" };

/** An issuer that is asked as often as `asked` says, and answers what a test puts there. */
function issuer() {
  const clock = new FakeClock();
  const state = { asked: 0, changes: 0, answer: async (): Promise<JSONWebKeySet> => ({ keys: [first.jwk] }) };
  const keys = new ExternalKeys({
    clock,
    fetchKeys: () => {
      state.asked++;
      return state.answer();
    },
    onChanged: () => state.changes++,
    onTrouble: () => undefined,
  });
  return { clock, state, keys };
}
const away = () => Promise.reject(new Error("connection refused"));

test("G2: the issuer is asked once, and again at intervals", async () => {
  const { clock, state, keys } = issuer();
  await Promise.all([keys.keyOf(header), keys.keyOf(header), keys.refresh()]);
  assert.equal(state.asked, 1);
  await keys.keyOf(header);
  await clock.advance(299_999);
  assert.equal(state.asked, 1);
  await clock.advance(1);
  assert.deepEqual([state.asked, state.changes], [2, 1]);
  keys[Symbol.dispose]();
  assert.equal(clock.timers, 0);
});

test("G2: a rotation is followed by the first token of the new key; a flood of unknown keys asks no more than each 30 s", async () => {
  const { clock, state, keys } = issuer();
  await keys.refresh();
  await clock.advance(30_000);
  state.answer = async () => ({ keys: [second.jwk] });
  assert.ok(await keys.keyOf({ alg: "RS256", kid: "second" }));
  assert.deepEqual([state.asked, state.changes], [2, 2]);
  await assert.rejects(keys.keyOf(header), InvalidToken);
  for (let i = 0; i < 100; i++) await assert.rejects(keys.keyOf({ alg: "RS256", kid: `made-up-${i}` }), InvalidToken);
  assert.equal(state.asked, 2);
});

test("G2: while the issuer is away, known keys go on being good and unknown ones are refused; it is asked again", async () => {
  const { clock, state, keys } = issuer();
  await keys.refresh();
  state.answer = away;
  await clock.advance(300_000);
  assert.ok(await keys.keyOf(header));
  assert.match(String(keys.error), /connection refused/);
  await assert.rejects(keys.keyOf({ alg: "RS256", kid: "second" }), InvalidToken);
  state.answer = async () => ({ keys: [second.jwk] });
  await clock.advance(30_000);
  assert.equal(keys.error, undefined);
  assert.ok(await keys.keyOf({ alg: "RS256", kid: "second" }));
});

test("G2: an issuer that never answered makes nobody a liar: its tokens cannot be judged", async () => {
  const { clock, state, keys } = issuer();
  state.answer = away;
  await assert.rejects(keys.keyOf(header), IssuerAway);
  state.answer = async () => ({ keys: [first.jwk] });
  await assert.rejects(keys.keyOf(header), IssuerAway);
  await clock.advance(30_000);
  assert.ok(await keys.keyOf(header));
});

test("G2: a request waits two seconds for the issuer at most", async () => {
  const { clock, state, keys } = issuer();
  const { promise, resolve } = Promise.withResolvers<JSONWebKeySet>();
  state.answer = () => promise;
  const refusals: Error[] = [];
  keys.keyOf(header).catch((error: Error) => refusals.push(error));
  await settled();
  await clock.advance(1_999);
  assert.equal(refusals.length, 0);
  await clock.advance(1);
  assert.ok(refusals[0] instanceof IssuerAway);
  resolve({ keys: [first.jwk] });
  await settled();
  assert.ok(await keys.keyOf(header));
});

test("G2: among an issuer's keys one that is none spoils only the tokens that name it", async () => {
  const { state, keys } = issuer();
  const broken = { kty: "EC", crv: "P-256", x: "AAAA", y: "AAAA", kid: "broken", alg: "ES256" };
  state.answer = async () => ({ keys: [broken, first.jwk] });
  await assert.rejects(keys.keyOf({ alg: "ES256", kid: "broken" }), InvalidToken);
  assert.ok(await keys.keyOf(header));
});

const nowMs = Date.parse("2026-05-01T12:00:00Z");
const terms = { issuer: "https://cognito.example/pool", audiences: ["client-a", "client-b"] };
const claims = { iss: terms.issuer, sub: "u", exp: nowMs / 1000 + 60 };
const sign = (payload: JWTPayload, key = first) =>
  new SignJWT({ ...claims, ...payload }).setProtectedHeader({ alg: "RS256", kid: key.kid }).sign(key.privateKey);
const verify = async (token: string, told = header) => {
  const { keys } = issuer();
  return await verifyExternal(token, told, keys, terms, nowMs);
};

for (const [what, payload] of [
  ["an ID token of Cognito's", { aud: "client-a", token_use: "id" }],
  ["an access token of Cognito's, which names its client", { client_id: "client-b", token_use: "access" }],
  ["a token of Keycloak's, with several audiences", { aud: ["account", "client-a"], typ: "Bearer" }],
] satisfies [string, JWTPayload][]) {
  test(`G2: accepted: ${what}`, async () => assert.equal((await verify(await sign(payload))).sub, "u"));
}

for (const [what, token] of [
  ["another audience", sign({ aud: "client-c" })],
  ["another client", sign({ client_id: "client-c", token_use: "access" })],
  ["a client_id beside another audience", sign({ aud: "client-c", client_id: "client-a" })],
  ["no audience", sign({})],
  ["another issuer", sign({ iss: "https://else.example", aud: "client-a" })],
  ["another use", sign({ aud: "client-a", token_use: "refresh" })],
  ["expired", sign({ aud: "client-a", exp: nowMs / 1000 - 6 })],
  ["signed by nobody", sign({ aud: "client-a" }, { ...second, kid: "first" })],
] as const) {
  test(`G2: refused of an issuer elsewhere: ${what}`, async () => assert.rejects(verify(await token), InvalidToken));
}

test("G2: refused of an issuer elsewhere: HS256 and none, whatever its keys", async () => {
  const token = await sign({ aud: "client-a" });
  for (const alg of ["HS256", "none", "RSA1_5"]) await assert.rejects(verify(token, { ...header, alg }), InvalidToken);
});
