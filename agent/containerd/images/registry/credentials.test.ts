import assert from "node:assert/strict";
import { test } from "node:test";
import { findCredentials, readCredentials } from "./credentials.ts";

const json = JSON.stringify({
  auths: {
    "https://index.docker.io/v1/": { auth: Buffer.from("hub:p:w").toString("base64") },
    "registry.local:5000": { username: "me", password: "secret" },
    "https://other.local": { auth: Buffer.from("o:x").toString("base64") },
    "helper.local": {},
  },
  credsStore: "desktop",
});

const table: [registry: string, credentials: string | undefined][] = [
  ["docker.io", "hub p:w"],
  ["registry.local:5000", "me secret"],
  ["registry.local", undefined],
  ["other.local", "o x"],
  ["helper.local", undefined],
  ["unknown.local", undefined],
];

for (const [registry, credentials] of table) {
  test(`credentials of ${registry}`, () => {
    const found = findCredentials(json, registry);
    assert.equal(found && `${found.username} ${found.password}`, credentials);
  });
}

test("a file that is absent is told with its setting and path", async () => {
  await assert.rejects(readCredentials("/nowhere/config.json", "a"), /ESB_REGISTRY_AUTH: \/nowhere\/config\.json/);
});
