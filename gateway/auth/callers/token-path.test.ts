import assert from "node:assert/strict";
import { test } from "node:test";
import { takeTokenFromPath } from "./token-path.ts";

const token = "aA0_-".repeat(8);
const invoke = "/2015-03-31/functions/echo/invocations?Qualifier=1";

for (const [url, path, shown] of [
  [`/token/${token}${invoke}`, invoke, token],
  [`/token/${token}/`, "/", token],
  [`/token/${token}/token/x/`, "/token/x/", token],
  [invoke, invoke, undefined],
  ["/", "/", undefined],
  [`/token/${token}`, `/token/${token}`, undefined],
  [`/token//${invoke}`, `/token//${invoke}`, undefined],
  [`/token/%41${invoke}`, `/token/%41${invoke}`, undefined],
  [`/token/${"a".repeat(129)}/`, `/token/${"a".repeat(129)}/`, undefined],
] as const) {
  test(`L7 D3: the token in ${url.slice(0, 30)}… is ${shown === undefined ? "none" : "taken out"}`, () => {
    const headers: NodeJS.Dict<string> = {};
    assert.equal(takeTokenFromPath({ url, headers }), path);
    assert.equal(headers["x-amz-security-token"], shown);
  });
}

test("L7 D3: what stands in the path counts, not what was sent beside it", () => {
  const headers = { "x-amz-security-token": "another" };
  takeTokenFromPath({ url: `/token/${token}/`, headers });
  assert.equal(headers["x-amz-security-token"], token);
});
