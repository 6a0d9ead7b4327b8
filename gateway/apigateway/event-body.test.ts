import assert from "node:assert/strict";
import { test } from "node:test";
import { apiRequest, readV1, readV2, routeMatch } from "../testing/api-requests.ts";
import type { ApiRequest } from "./request.ts";

const text = Buffer.from('{"n": 12345678901234567890.10, "é": "\u2028"}');
const image = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff, 0x00]);

function sent(contentType: string | undefined, body: Buffer): ApiRequest {
  return apiRequest({
    method: "POST",
    headers: contentType === undefined ? [] : [["Content-Type", contentType]],
    body,
  });
}

const listed: [contentType: string | undefined, binaryMediaTypes: string[], base64: boolean][] = [
  ["application/json", [], false],
  ["application/json", ["image/*"], false],
  ["application/json", ["*/*"], true],
  [undefined, ["*/*"], true],
  [undefined, ["image/png"], false],
  ["image/png", ["image/png"], true],
  ["IMAGE/PNG; q=1", ["image/png"], true],
  ["image/png", ["IMAGE/*"], true],
  ["imagery/png", ["image/*"], false],
  ["multipart/form-data; boundary=x", ["multipart/form-data"], true],
];
for (const [contentType, binaryMediaTypes, base64] of listed) {
  test(`G5: payload 1.0: ${contentType} with binaryMediaTypes [${binaryMediaTypes}]: base64 ${base64}`, () => {
    const event = readV1(sent(contentType, text), routeMatch({ binaryMediaTypes }));
    assert.equal(event.isBase64Encoded, base64);
    assert.equal(event.body, text.toString(base64 ? "base64" : "utf8"));
  });
}

const byType: [contentType: string | undefined, base64: boolean][] = [
  ["application/json", false],
  ["application/json; charset=utf-8", false],
  ["Application/JSON", false],
  ["application/xml", false],
  ["application/javascript", false],
  ["text/plain", false],
  ["text/csv; header=present", false],
  ["application/x-www-form-urlencoded", true],
  ["multipart/form-data; boundary=x", true],
  ["application/octet-stream", true],
  ["application/problem+json", true],
  [undefined, true],
];
for (const [contentType, base64] of byType) {
  test(`G5: payload 2.0: a body of ${contentType}: base64 ${base64}`, () => {
    const event = readV2(sent(contentType, text));
    assert.equal(event.isBase64Encoded, base64);
    assert.equal(event.body, text.toString(base64 ? "base64" : "utf8"));
  });
}

test("G5: text that is no UTF-8 goes as base64 in both formats, not a byte is lost", () => {
  for (const event of [readV1(sent("text/plain", image)), readV2(sent("text/plain", image))]) {
    assert.equal(event.isBase64Encoded, true);
    assert.deepEqual(Buffer.from(event.body, "base64"), image);
  }
});

test("G5: an empty body is never called base64", () => {
  const match = routeMatch({ binaryMediaTypes: ["*/*"] });
  assert.deepEqual([readV1(sent("image/png", Buffer.alloc(0)), match).isBase64Encoded], [false]);
  assert.equal(readV1(sent("image/png", Buffer.alloc(0)), match).body, null);
  assert.equal(readV2(sent("image/png", Buffer.alloc(0))).isBase64Encoded, false);
});
