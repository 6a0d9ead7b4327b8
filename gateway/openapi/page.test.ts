import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { startRoutes } from "../testing/routes.ts";

test("G3: /docs is loaded when somebody asks for it; its files come from here, under a strict policy", async () => {
  await using gateway = await startRoutes("routes: []");
  const modules = () => Object.keys(createRequire(import.meta.url).cache);
  const loaded = () => modules().some((path) => path.includes("/@fastify/swagger-ui/"));
  assert.equal((await gateway.get("/openapi.json")).status, 200);
  assert.equal(loaded(), false);
  for (const path of ["/docs", "/docs/"]) {
    const page = await gateway.request("GET", path);
    assert.equal(page.status, 200);
    const policy = String(page.headers["content-security-policy"]);
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
    assert.doesNotMatch(policy, /unsafe|https?:/);
    const files = [...page.body.matchAll(/(?:href|src)="([^"]+)"/g)].map(
      ([, file = ""]) => new URL(file, gateway.url + path),
    );
    assert.ok(files.length > 4);
    for (const file of files) {
      assert.equal(file.origin, gateway.url);
      const { status, headers } = await gateway.request("GET", file.pathname);
      assert.deepEqual([status, headers["x-content-type-options"]], [200, "nosniff"], file.pathname);
    }
  }
  assert.equal(loaded(), true);
  assert.equal((await gateway.request("HEAD", "/docs")).status, 200);
  for (const path of ["/docs/nothing", "/docs/static/nothing.js"]) {
    assert.equal((await gateway.request("GET", path)).status, 404, path);
  }
  for (const path of [
    "/docs/static/../package.json",
    "/docs/static/%2e%2e/package.json",
    "/docs/static/..%2fpackage.json",
  ]) {
    const { status, body } = await gateway.request("GET", path);
    assert.ok(status >= 400 && !body.includes("dependencies"), `${path}: ${status}`);
  }
});
