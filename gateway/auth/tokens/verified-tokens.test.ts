import assert from "node:assert/strict";
import { test } from "node:test";
import type { Claims } from "./claims.ts";
import { InvalidToken } from "./invalid-token.ts";
import { VerifiedTokens } from "./verified-tokens.ts";

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const token = (claims: Claims) => `${part({ alg: "ES256", kid: "k" })}.${part(claims)}.c2ln`;

/** One issuer, `esb`, who believes everything; counts how often it is asked. */
function setUp(verify = async (claims: Claims) => claims) {
  const state = { nowMs: 1_000_000, asked: 0 };
  const tokens = new VerifiedTokens(
    new Map([
      [
        "esb",
        (text: string) => {
          state.asked++;
          return verify(JSON.parse(Buffer.from(text.split(".")[1] ?? "", "base64url").toString()));
        },
      ],
    ]),
    () => state.nowMs,
  );
  return { state, tokens };
}

test("G2: a token is verified once, and remembered until it expires", async () => {
  const { state, tokens } = setUp();
  const good = token({ iss: "esb", exp: 1_060, scope: "read write" });
  assert.equal(tokens.remembered(good), undefined);
  const verified = await tokens.verify(good);
  assert.deepEqual(verified.scopes, ["read", "write"]);
  assert.equal(tokens.remembered(good), verified);
  assert.equal(tokens.remembered(`${good}x`), undefined);
  state.nowMs = 1_064_999;
  assert.equal(tokens.remembered(good), verified);
  state.nowMs = 1_065_000;
  assert.equal(tokens.remembered(good), undefined);
  assert.equal(state.asked, 1);
});

test("G2: a clock that goes back makes nothing valid too early", async () => {
  const { state, tokens } = setUp();
  const good = token({ iss: "esb", exp: 2_000, nbf: 1_000 });
  await tokens.verify(good);
  state.nowMs = 994_999;
  assert.equal(tokens.remembered(good), undefined);
});

test("G2: when keys change, nothing is remembered, not even what was being verified", async () => {
  const { promise, resolve } = Promise.withResolvers<Claims>();
  const { tokens } = setUp(() => promise);
  const good = token({ iss: "esb", exp: 2_000 });
  const verifying = tokens.verify(good);
  tokens.forget();
  resolve({ iss: "esb", exp: 2_000 });
  await verifying;
  assert.equal(tokens.remembered(good), undefined);
  await tokens.verify(good);
  assert.ok(tokens.remembered(good));
  tokens.forget();
  assert.equal(tokens.remembered(good), undefined);
});

test("G2: claims cannot be changed by who gets them", async () => {
  const { tokens } = setUp();
  const { claims } = await tokens.verify(token({ iss: "esb", exp: 2_000 }));
  assert.throws(() => Object.assign(claims, { sub: "root" }), TypeError);
});

for (const [what, text] of [
  ["another issuer", token({ iss: "else", exp: 2_000 })],
  ["no issuer", token({ exp: 2_000 })],
  ["an issuer that is no text", token({ iss: ["esb"] })],
  ["no token", "esb"],
  ["no JSON", "e30.bm90IGpzb24.c2ln"],
  ["too long", token({ iss: "esb", exp: 2_000, more: "x".repeat(20_000) })],
] as const) {
  test(`G2: refused before any key is asked for: ${what}`, async () => {
    const { state, tokens } = setUp();
    await assert.rejects(tokens.verify(text), InvalidToken);
    assert.equal(tokens.remembered(text), undefined);
    assert.equal(state.asked, 0);
  });
}
