import assert from "node:assert/strict";
import { test } from "node:test";
import { hashPassword, impossibleHash, isPassword, parsePasswordHash, usualCost } from "./hash.ts";

const cheap = { N: 16, r: 1, p: 1 };

test("G2: a hash tells its cost, has a salt of its own, and only its password is right", async () => {
  const text = await hashPassword("correct horse", cheap);
  assert.match(text, /^scrypt\$16\$1\$1\$[\w-]{22}\$[\w-]{43}$/);
  assert.notEqual(await hashPassword("correct horse", cheap), text);
  const hash = parsePasswordHash(text);
  assert.ok(hash !== undefined);
  assert.ok(await isPassword("correct horse", hash));
  for (const wrong of ["correct horsf", "", "correct horse ", "Correct horse"]) {
    assert.equal(await isPassword(wrong, hash), false);
  }
  assert.equal(await isPassword("correct horse", impossibleHash(cheap)), false);
});

test("G2: scrypt is scrypt: the test vector of RFC 7914 section 12", async () => {
  const salt = Buffer.from("NaCl").toString("base64url");
  const key = Buffer.from("fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162", "hex");
  // The vector's salt is shorter than what a file may have.
  assert.equal(parsePasswordHash(`scrypt$1024$8$16$${salt}$${key.toString("base64url")}`), undefined);
  const hash = { cost: { N: 1024, r: 8, p: 16 }, salt: Buffer.from("NaCl"), key };
  assert.ok(await isPassword("password", hash));
});

test("one password typed on two keyboards is one password", async () => {
  const hash = parsePasswordHash(await hashPassword("caf\u00e9 noir", cheap));
  assert.ok(hash !== undefined && (await isPassword("cafe\u0301 noir", hash)));
});

const salt = "a".repeat(22);
const key = "b".repeat(43);
for (const [what, text] of [
  ["nothing", ""],
  ["plain text", "hunter2"],
  ["another kind", `bcrypt$16$1$1$${salt}$${key}`],
  ["no power of two", `scrypt$15$1$1$${salt}$${key}`],
  ["N of 1", `scrypt$1$1$1$${salt}$${key}`],
  ["r of 0", `scrypt$16$0$1$${salt}$${key}`],
  ["too much memory", `scrypt$1048576$8$1$${salt}$${key}`],
  ["too much time", `scrypt$16$1$17$${salt}$${key}`],
  ["a key too short", `scrypt$16$1$1$${salt}$${key.slice(1)}`],
  ["something behind", `scrypt$16$1$1$${salt}$${key}$x`],
]) {
  test(`no hash: ${what}`, () => assert.equal(parsePasswordHash(text ?? ""), undefined));
}

test("the usual cost is one that a file may have, and takes 32 MiB", async () => {
  const text = `scrypt$${usualCost.N}$${usualCost.r}$${usualCost.p}$${salt}$${key}`;
  assert.deepEqual(parsePasswordHash(text)?.cost, usualCost);
  assert.equal(128 * usualCost.N * usualCost.r, 32 * 2 ** 20);
  const { key: derived } = await import("./hash.ts").then(({ deriveHash }) =>
    deriveHash("x", Buffer.alloc(16), usualCost),
  );
  assert.equal(derived.length, 32);
});
