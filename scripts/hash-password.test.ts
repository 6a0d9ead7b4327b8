import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { isPassword, parsePasswordHash } from "../gateway/auth/passwords/hash.ts";

const run = (input: string) =>
  spawnSync(process.execPath, [join(import.meta.dirname, "hash-password.ts")], { input, encoding: "utf8" });

test("G2: the hash that it prints is one that ESB_AUTH_FILE takes, and its password is right", async () => {
  const hash = parsePasswordHash(run("correct horse\n").stdout.trim());
  assert.ok(hash !== undefined && (await isPassword("correct horse", hash)));
});

test("a password that is too short is refused", () => {
  const { status, stdout, stderr } = run("short\n");
  assert.deepEqual([status, stdout, stderr], [1, "", "must be 8 characters or longer\n"]);
});
