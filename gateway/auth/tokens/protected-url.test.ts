import assert from "node:assert/strict";
import { test } from "node:test";
import { isProtected } from "./protected-url.ts";

const addresses: readonly (readonly [url: string, isProtected: boolean])[] = [
  ["https://id.example/pool", true],
  ["http://localhost:8080/realms/a", true],
  ["http://127.0.0.1/keys", true],
  ["http://127.1/keys", true],
  ["http://[::1]:8080/keys", true],
  ["http://id.example/pool", false],
  ["http://localhost.example/keys", false],
  ["http://127.0.0.1.example/keys", false],
  ["http://127.0.0.1@id.example/keys", false],
  ["http://10.0.0.1/keys", false],
];
for (const [url, expected] of addresses) {
  test(`G2: ${url} is ${expected ? "" : "not "}protected on its way`, () => {
    assert.equal(isProtected(url), expected);
  });
}
