import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { developmentKeyPath, ensureDevelopmentKey } from "./development-key.ts";
import { parseKeyRing } from "./key-file.ts";

test("G2: a key is made once, whoever comes at the same time, and only its owner reads it", async () => {
  const dir = await mkdtemp(join(tmpdir(), "esb-key-"));
  await using _dir = { [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) };
  const path = developmentKeyPath(dir);
  await Promise.all(Array.from({ length: 5 }, () => ensureDevelopmentKey(path)));
  const text = await readFile(path, "utf8");
  const ring = await parseKeyRing(text, path);
  assert.equal(ring.signer.algorithm, "ES256");
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(join(dir, "gateway")), ["jwt-keys.json"]);
  await ensureDevelopmentKey(path);
  assert.equal(await readFile(path, "utf8"), text);
});
