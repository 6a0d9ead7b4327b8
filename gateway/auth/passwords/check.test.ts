import assert from "node:assert/strict";
import { test } from "node:test";
import { PasswordCheck, TooManyAttempts } from "./check.ts";
import { hashPassword, parsePasswordHash } from "./hash.ts";

const known = async (password: string, N = 16) => {
  const hash = parsePasswordHash(await hashPassword(password, { N, r: 8, p: 1 }));
  assert.ok(hash !== undefined);
  return hash;
};

test("G2: hashed and plain passwords are checked; without a user none is right", async () => {
  const check = new PasswordCheck();
  const hash = await known("swordfish");
  assert.equal(await check.isRight("swordfish", hash), true);
  assert.equal(await check.isRight("swordfisch", hash), false);
  assert.equal(await check.isRight("swordfish", undefined, hash), false);
  const plain = { plain: "in the environment" };
  assert.equal(await check.isRight("in the environment", plain), true);
  assert.equal(await check.isRight("in the  environment", plain), false);
});

test("G2: a user that is not there costs as much as one that is, hashed or plain, from the first attempt on", async () => {
  const hash = await known("swordfish", 2 ** 14);
  const best = async (password: Parameters<PasswordCheck["isRight"]>[1]) => {
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 7; round++) {
      const check = new PasswordCheck();
      const beganMs = performance.now();
      await check.isRight("wrong", password, hash);
      least = Math.min(least, performance.now() - beganMs);
    }
    return least;
  };
  await best(hash);
  const there = await best(hash);
  const absent = await best(undefined);
  const plain = await best({ plain: "swordfish" });
  // Without the work it would be a hundredth.
  assert.ok(absent > there / 4 && absent < there * 4, `${absent} ms and ${there} ms`);
  assert.ok(absent > plain / 4 && absent < plain * 4, `${absent} ms and ${plain} ms`);
});

test("G2: a flood is turned away instead of taking all memory and threads", async () => {
  const check = new PasswordCheck();
  const hash = await known("swordfish", 2 ** 12);
  const results = await Promise.allSettled(Array.from({ length: 200 }, () => check.isRight("swordfish", hash)));
  const refused = results.filter((result) => result.status === "rejected");
  assert.ok(refused.length > 100);
  assert.ok(refused.every(({ reason }) => reason instanceof TooManyAttempts));
  assert.ok(results.filter((result) => result.status === "fulfilled").every(({ value }) => value));
});
