import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReference } from "../reference.ts";
import { registryAnswering } from "./registry.fake.ts";
import { openRepository } from "./registry.ts";

const never = new AbortController().signal;
const digest = `sha256:${"a".repeat(64)}`;

async function open(host: string) {
  const options = { insecureRegistries: [host], caFile: undefined, authFile: undefined };
  return openRepository(parseReference(`${host}/a:1`), options);
}

test("the digest that a registry names for a tag counts only when it is one", async () => {
  for (const [header, expected] of [
    [digest, digest],
    ["md5:d41d8cd98f00b204e9800998ecf8427e", undefined],
    ["../../token", undefined],
  ] as const) {
    await using registry = await registryAnswering((_url, response) => {
      response.writeHead(200, { "docker-content-digest": header }).end();
    });
    await using repository = await open(registry.host);
    assert.equal(await repository.head("1", never), expected);
  }
});

test("a connection that is cut in the middle of a manifest is the registry's fault, not ours", async () => {
  await using registry = await registryAnswering((_url, response) => {
    response.writeHead(200, { "content-length": 100 }).write("{");
    setTimeout(() => response.destroy(), 20);
  });
  await using repository = await open(registry.host);
  await assert.rejects(repository.manifest("1", never), {
    code: "IMAGE_PULL_FAILED",
    message: /the connection to registry 127\.0\.0\.1:\d+ failed/,
  });
});

test("a manifest that is not what its digest says, and one that is too long, are not valid", async () => {
  for (const body of ["{}", " ".repeat(5 * 1024 * 1024)]) {
    await using registry = await registryAnswering((_url, response) => response.end(body));
    await using repository = await open(registry.host);
    await assert.rejects(repository.manifest(digest, never), { code: "IMAGE_INVALID" });
  }
});
