import assert from "node:assert/strict";
import { test } from "node:test";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from "jose";
import { ConfigurationError } from "../../../common/environment.ts";
import { parseKeyRing } from "./key-file.ts";

const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
const [own, shown] = [await exportJWK(privateKey), await exportJWK(publicKey)];
const other = await exportJWK((await generateKeyPair("ES256", { extractable: true })).privateKey);
const secret = { kty: "oct", k: Buffer.alloc(32, "s3cr3t").toString("base64url") };

const parse = (...keys: JWK[]) => parseKeyRing(JSON.stringify({ keys }), "keys.json");

test("G2: the first key signs, all verify; a key without a name has its thumbprint (RFC 7638)", async () => {
  const ring = await parse({ ...own, alg: "ES256", use: "sig", ext: true }, { ...other, kid: "before" }, secret);
  assert.equal(ring.signer.kid, await calculateJwkThumbprint(shown));
  assert.deepEqual(
    ring.keys.map(({ algorithm }) => algorithm),
    ["ES256", "ES256", "HS256"],
  );
  assert.equal(ring.keys[1]?.kid, "before");
});

test("G2: published are public keys only: no private part, no secret, no name made of one", async () => {
  const ring = await parse(own, { ...other, kid: "before" }, secret);
  assert.deepEqual(ring.published, [
    { ...shown, kid: ring.signer.kid, alg: "ES256", use: "sig" },
    { kty: "EC", crv: "P-256", x: other.x, y: other.y, kid: "before", alg: "ES256", use: "sig" },
  ]);
  assert.notEqual(ring.keys[2]?.kid, await calculateJwkThumbprint(secret));
});

test("a key that only verifies may stand behind the first", async () => {
  const ring = await parse(other, shown);
  assert.equal(ring.keys.length, 2);
  await assert.rejects(parse(shown), /^ConfigurationError: keys\.json:1:\d+: keys\.0: must be a private key/);
});

const flipped = `${own.d?.startsWith("A") ? "B" : "A"}${own.d?.slice(1)}`;
const offCurve = `${own.x?.startsWith("A") ? "B" : "A"}${own.x?.slice(1)}`;
for (const [what, text, expected] of [
  ["no JSON", "{", /not valid YAML/],
  ["no keys", '{ "keys": [] }', /keys: must have a key/],
  ["no list", '{ "keys": 7 }', /keys: must be a list/],
  [
    "an RSA key",
    JSON.stringify({ keys: [{ kty: "RSA", n: "AQAB", e: "AQAB" }] }),
    /keys\.0\.kty: must be a key; expected kty EC/,
  ],
  ["another curve", JSON.stringify({ keys: [{ ...own, crv: "P-384" }] }), /keys\.0\.crv: must be P-256/],
  ["another algorithm", JSON.stringify({ keys: [{ ...own, alg: "ES384" }] }), /keys\.0\.alg: must be ES256/],
  ["a short secret", JSON.stringify({ keys: [{ kty: "oct", k: "c2VjcmV0" }] }), /keys\.0\.k: must be 32 bytes/],
  [
    "a private half of another key",
    JSON.stringify({ keys: [{ ...own, d: flipped }] }),
    /keys\.0: the key is not valid/,
  ],
  [
    "a point that is not on the curve",
    JSON.stringify({ keys: [{ ...own, x: offCurve }] }),
    /keys\.0: the key is not valid/,
  ],
  [
    "a name twice",
    JSON.stringify({
      keys: [
        { ...own, kid: "a" },
        { ...other, kid: "a" },
      ],
    }),
    /keys\.1: its kid is there twice/,
  ],
] as const) {
  test(`G2: refused with its place and without its secret: ${what}`, async () => {
    await assert.rejects(parseKeyRing(text, "keys.json"), (error: Error) => {
      assert.ok(error instanceof ConfigurationError);
      assert.match(error.message, /^keys\.json:\d+:\d+: /);
      assert.match(error.message, expected);
      for (const part of [own.d, other.d, flipped, "c2VjcmV0"])
        assert.ok(part !== undefined && !error.message.includes(part));
      return true;
    });
  });
}
