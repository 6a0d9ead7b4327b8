import assert from "node:assert/strict";
import { test } from "node:test";
import { apiRequest } from "../testing/api-requests.ts";
import { checkHttpApiHead } from "./head-limit.ts";

/** `GET /a?b HTTP/1.1` has 17 bytes. */
const line = { rawPath: "/a", rawQuery: "b", method: "GET", protocol: "HTTP/1.1" };
const cases: readonly (readonly [what: string, head: Parameters<typeof apiRequest>[0], taken: boolean])[] = [
  ["one header", { ...line, headers: [["x", "a".repeat(10_223)]] }, true],
  ["one that is a byte longer", { ...line, headers: [["x", "a".repeat(10_224)]] }, false],
  ["headers whose names are long", { ...line, headers: [["n".repeat(9000), "a".repeat(10_223)]] }, true],
  ["headers together", { ...line, headers: Array.from({ length: 3 }, () => ["x", "a".repeat(3408)] as const) }, false],
  ["a query beside headers", { ...line, rawQuery: "b".repeat(5113), headers: [["x", "a".repeat(5111)]] }, true],
  ["a longer query", { ...line, rawQuery: "b".repeat(5114), headers: [["x", "a".repeat(5111)]] }, false],
];
for (const [what, head, taken] of cases) {
  test(`G7: an HTTP API's head: ${what}`, () => {
    if (taken) checkHttpApiHead(apiRequest(head));
    else assert.throws(() => checkHttpApiHead(apiRequest(head)), { code: "HEAD_TOO_LARGE" });
  });
}
