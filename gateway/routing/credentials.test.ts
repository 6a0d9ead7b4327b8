import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../testing/harness.ts";
import { startRoutes } from "../testing/routes.ts";

test("G3: routes that were refused for want of a key hold as soon as ESB_AUTH_FILE has one, and are told when it goes", async () => {
  const dir = await mkdtemp(join(tmpdir(), "esb-routing-credentials-"));
  try {
    const credentials = join(dir, "auth.yml");
    const accessKeys = "accessKeys: [{ id: AKIAIOSFODNN7EXAMPLE, secret: wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY }]\n";
    const apiKeys = "apiKeys: [{ id: shop, key: the-key-of-the-shop-0123456789 }]\n";
    const route = (auth: string) => `routes: [{ path: /a, method: GET, function: hello, auth: ${auth} }]`;
    await writeFile(credentials, accessKeys);
    await using door = await startRoutes(route("none"), {
      ESB_MODE: "production",
      ESB_LAMBDA_AUTH: "open",
      ESB_AUTH_FILE: credentials,
    });
    const routing = async (): Promise<{ count: number; error?: string }> =>
      JSON.parse((await door.get("/ready")).body).routing;
    await writeFile(door.routingFile, route("api-key"));
    await until(async () => (await routing()).error !== undefined);
    assert.match(String((await routing()).error), /routing\.yml:1:\d+: not right/);
    await writeFile(credentials, accessKeys + apiKeys);
    await until(async () => (await routing()).error === undefined);
    const key = { "x-api-key": "the-key-of-the-shop-0123456789" };
    assert.equal((await door.request("GET", "/a")).status, 403);
    assert.equal((await door.request("GET", "/a", key)).status, 200);
    await writeFile(credentials, accessKeys);
    await until(async () => (await routing()).error !== undefined);
    assert.equal((await routing()).count, 1);
    assert.equal((await door.request("GET", "/a", key)).status, 403);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
