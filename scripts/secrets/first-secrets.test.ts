import assert from "node:assert/strict";
import { mkdtempDisposable, readdir, readFile, stat, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseEnv } from "node:util";
import { Credentials } from "../../gateway/auth/credentials/credentials.ts";
import { parseCredentials } from "../../gateway/auth/credentials/file.ts";
import { isPassword } from "../../gateway/auth/passwords/hash.ts";
import { parseKeyRing } from "../../gateway/auth/tokens/key-file.ts";
import { makeFirstSecrets } from "./first-secrets.ts";

const read = async (folder: string, name: string) => readFile(join(folder, name), "utf8");

test("G2: the first secrets are random, fit each other, and are for their owner's eyes only", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "esb-secrets-"));
  await using other = await mkdtempDisposable(join(tmpdir(), "esb-secrets-"));
  assert.equal(await makeFirstSecrets(dir.path), true);
  assert.equal(await makeFirstSecrets(other.path), true);
  const plain = parseEnv(await read(dir.path, "credentials.env"));
  const text = await read(dir.path, "auth.yml");
  const credentials = new Credentials(parseCredentials(text, "auth.yml", () => undefined));
  assert.equal(credentials.apiKey(plain.ESB_API_KEY ?? "")?.id, "first");
  assert.equal(credentials.accessKey(plain.AWS_ACCESS_KEY_ID ?? "")?.secret, plain.AWS_SECRET_ACCESS_KEY);
  const password = credentials.user(plain.ESB_AUTH_USER ?? "")?.password;
  assert.ok(password !== undefined && !("plain" in password));
  assert.ok(await isPassword(plain.ESB_AUTH_PASSWORD ?? "", password));
  await parseKeyRing(await read(dir.path, "jwt-keys.json"), "jwt-keys.json");
  const others = parseEnv(await read(other.path, "credentials.env"));
  for (const name of ["ESB_API_KEY", "ESB_AUTH_PASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) {
    assert.notEqual(plain[name], others[name]);
    if (name !== "AWS_ACCESS_KEY_ID" && name !== "AWS_SECRET_ACCESS_KEY") assert.ok(!text.includes(plain[name] ?? ""));
  }
  for (const name of await readdir(dir.path)) assert.equal((await stat(join(dir.path, name))).mode & 0o777, 0o600);
});

test("G2: secrets that are there stay; what a crash left half-made is made anew", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "esb-secrets-"));
  await makeFirstSecrets(dir.path);
  const made = await read(dir.path, "auth.yml");
  assert.equal(await makeFirstSecrets(dir.path), false);
  assert.equal(await read(dir.path, "auth.yml"), made);
  await unlink(join(dir.path, "auth.yml"));
  assert.equal(await makeFirstSecrets(dir.path), true);
  assert.notEqual(await read(dir.path, "auth.yml"), made);
});
