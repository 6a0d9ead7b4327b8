import assert from "node:assert/strict";
import { mkdtempDisposable, readFile, stat, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readServiceCredentials } from "../../agent/services/credentials.ts";
import { makeServiceCredentials } from "./service-credentials.ts";

test("D3: the services' credentials are random, the same for agent and service, and stay", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "esb-secrets-"));
  await using other = await mkdtempDisposable(join(tmpdir(), "esb-secrets-"));
  const ofAgent = (folder: string) => readServiceCredentials(join(folder, "credentials.env"));
  const ofService = (name: string) => readFile(join(dir.path, name), "utf8");
  assert.equal(await makeServiceCredentials(dir.path), true);
  assert.equal(await makeServiceCredentials(other.path), true);
  const { accessKeyId, secretAccessKey } = await ofAgent(dir.path);
  assert.deepEqual(
    [await ofService("access-key"), await ofService("secret-key")],
    [`${accessKeyId}\n`, `${secretAccessKey}\n`],
  );
  // What S3 servers take: 3 to 20 characters, and 8 to 40.
  assert.match(accessKeyId, /^ESB[0-9A-F]{16}$/);
  assert.match(secretAccessKey, /^[\w-]{32}$/);
  assert.notEqual(secretAccessKey, (await ofAgent(other.path)).secretAccessKey);
  assert.equal((await stat(join(dir.path, "secret-key"))).mode & 0o777, 0o644);
  assert.equal(await makeServiceCredentials(dir.path), false);
  assert.equal((await ofAgent(dir.path)).secretAccessKey, secretAccessKey);
  await unlink(join(dir.path, "credentials.env"));
  assert.equal(await makeServiceCredentials(dir.path), true, "what a crash left half-made is made anew");
});
