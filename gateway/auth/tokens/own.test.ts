import assert from "node:assert/strict";
import { createHmac, createPublicKey } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { InvalidToken } from "./invalid-token.ts";
import { parseKeyRing } from "./key-file.ts";
import { secretRing } from "./key-ring.ts";
import { issueToken, verifyOwn } from "./own.ts";

const terms = { issuer: "esb", audience: "shop", ttlSeconds: 3600 };
const nowMs = Date.parse("2026-05-01T12:00:00Z");
const nowSeconds = nowMs / 1000;
const ada = { username: "ada", claims: { email: "ada@example.org", "cognito:groups": ["admins"] } };

const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
const jwk = await exportJWK(privateKey);
const ring = await parseKeyRing(JSON.stringify({ keys: [{ ...jwk, kid: "now" }] }), "keys.json");
const hmac = secretRing("a secret of thirty-two characters and more");

const verify = (token: string, { keys = ring, atMs = nowMs } = {}) => {
  let header: { alg?: string; kid?: string } = {};
  try {
    header = decodeProtectedHeader(token);
  } catch {
    // As a caller that knows nothing of it.
  }
  return verifyOwn(token, header, keys, terms, atMs);
};

const good: JWTPayload = { iss: "esb", aud: "shop", token_use: "id", exp: nowSeconds + 60, iat: nowSeconds, sub: "x" };
const signed = (claims: JWTPayload, header = {}, key: Parameters<SignJWT["sign"]>[0] = privateKey) =>
  new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: "now", ...header }).sign(key);

for (const [algorithm, keys] of [
  ["ES256", ring],
  ["HS256", hmac],
] as const) {
  test(`G2: a token of ours (${algorithm}) says what Cognito's ID tokens say, and is accepted`, async () => {
    const token = await issueToken(ada, keys, terms, nowMs);
    assert.deepEqual(decodeProtectedHeader(token), { alg: algorithm, kid: keys.signer.kid, typ: "JWT" });
    const { sub, jti, ...claims } = await verify(token, { keys });
    assert.match(String(sub), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.match(String(jti), /^[0-9a-f-]{36}$/);
    assert.deepEqual(claims, {
      iss: "esb",
      aud: "shop",
      "cognito:username": "ada",
      token_use: "id",
      auth_time: nowSeconds,
      iat: nowSeconds,
      exp: nowSeconds + 3600,
      email: "ada@example.org",
      "cognito:groups": ["admins"],
    });
  });
}

test("G2: a user has one sub for ever, of its own; the file may give another", async () => {
  const subOf = async (user: typeof ada) => decodeJwt(await issueToken(user, ring, terms, nowMs)).sub;
  assert.equal(await subOf(ada), await subOf({ ...ada }));
  assert.notEqual(await subOf({ ...ada, username: "bob" }), await subOf(ada));
  const named = { username: "ada", claims: { ...ada.claims, sub: "user-7" } };
  assert.equal(await subOf(named), "user-7");
});

const none = Buffer.from(JSON.stringify({ alg: "none", kid: "now" })).toString("base64url");
const body = Buffer.from(JSON.stringify(good)).toString("base64url");
const pem = createPublicKey({ key: { ...(await exportJWK(publicKey)) }, format: "jwk" }).export({
  type: "spki",
  format: "pem",
});
const { d: _private, ...point } = jwk;
const confused = (secret: string | Buffer) => {
  const head = Buffer.from(JSON.stringify({ alg: "HS256", kid: "now" })).toString("base64url");
  return `${head}.${body}.${createHmac("sha256", secret).update(`${head}.${body}`).digest("base64url")}`;
};
const stranger = (await generateKeyPair("ES256")).privateKey;

for (const [what, token] of [
  ["alg none", `${none}.${body}.`],
  ["alg none, with a signature", `${none}.${body}.c2lnbmF0dXJl`],
  ["HS256 with our public key as its secret (PEM)", confused(pem)],
  ["HS256 with our public key as its secret (JWK)", confused(JSON.stringify(point))],
  ["HS256 with no secret", confused("")],
  ["another's key under our name", await signed(good, {}, stranger)],
  ["a name that we do not know", await signed(good, { kid: "other" })],
  ["a key that it brings along", await signed(good, { kid: "other", jwk: point })],
  ["a critical header that we do not know", await signed(good, { crit: ["x"], x: 1 }).catch(() => "x.y.z")],
  ["another issuer", await signed({ ...good, iss: "else" })],
  ["another audience", await signed({ ...good, aud: "else" })],
  ["no audience", await signed({ iss: "esb", token_use: "id", exp: nowSeconds + 60 })],
  ["an access token", await signed({ ...good, token_use: "access" })],
  ["no expiry", await signed({ iss: "esb", aud: "shop", token_use: "id" })],
  ["expired", await signed({ ...good, exp: nowSeconds - 6 })],
  ["not valid yet", await signed({ ...good, nbf: nowSeconds + 6 })],
  ["issued later than now", await signed({ ...good, iat: nowSeconds + 6 })],
  ["no token", "ada"],
  ["nothing", ""],
] as const) {
  test(`G2: refused: ${what}`, async () => {
    await assert.rejects(
      verify(token),
      (error) => error instanceof InvalidToken && error.expired === (what === "expired"),
    );
  });
}

test("G2: clocks may differ by five seconds", async () => {
  assert.ok(await verify(await signed({ ...good, exp: nowSeconds - 4 })));
  assert.ok(await verify(await signed({ ...good, nbf: nowSeconds + 4, iat: nowSeconds + 4 })));
});

test("G2: rotation: the new key signs, tokens of the one before go on being good until it is taken out", async () => {
  const next = await exportJWK((await generateKeyPair("ES256", { extractable: true })).privateKey);
  const both = await parseKeyRing(
    JSON.stringify({
      keys: [
        { ...next, kid: "next" },
        { ...jwk, kid: "now" },
      ],
    }),
    "k",
  );
  const only = await parseKeyRing(JSON.stringify({ keys: [{ ...next, kid: "next" }] }), "k");
  const before = await issueToken(ada, ring, terms, nowMs);
  const after = await issueToken(ada, both, terms, nowMs);
  assert.equal(decodeProtectedHeader(after).kid, "next");
  for (const token of [before, after]) assert.ok(await verify(token, { keys: both }));
  assert.ok(await verify(after, { keys: only }));
  await assert.rejects(verify(before, { keys: only }), InvalidToken);
});

test("G2: however a token is changed, it is refused (fuzz)", async () => {
  for (const keys of [ring, hmac]) {
    const token = await issueToken(ada, keys, terms, nowMs);
    assert.ok(await verify(token, { keys }));
    const characters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ é"];
    const at = fc.integer({ min: 0, max: token.length - 1 });
    const mutation = fc.oneof(
      fc.tuple(at, fc.constantFrom(...characters)).map(([i, c]) => token.slice(0, i) + c + token.slice(i + 1)),
      fc.tuple(at, fc.constantFrom(...characters)).map(([i, c]) => token.slice(0, i) + c + token.slice(i)),
      at.map((i) => token.slice(0, i) + token.slice(i + 1)),
      at.map((i) => token.slice(0, i)),
      fc.tuple(at, at).map(([i, j]) => token.slice(0, Math.min(i, j)) + token.slice(Math.max(i, j) + 1)),
    );
    await fc.assert(
      fc.asyncProperty(mutation, async (changed) => {
        fc.pre(!isSameToken(changed, token));
        await assert.rejects(verify(changed, { keys }), InvalidToken);
      }),
      { numRuns: 300 },
    );
  }
});

/** The last character of base64url carries bits that mean nothing: other spellings are the same bytes. */
function isSameToken(a: string, b: string): boolean {
  const [partsA, partsB] = [a.split("."), b.split(".")];
  const bytes = (part: string | undefined) => Buffer.from(part ?? "", "base64url").toString("hex");
  return (
    partsA.length === 3 &&
    partsA.slice(0, 2).join() === partsB.slice(0, 2).join() &&
    bytes(partsA[2]) === bytes(partsB[2])
  );
}
