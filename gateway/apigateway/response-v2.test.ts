import assert from "node:assert/strict";
import { test } from "node:test";
import { apiRequest } from "../testing/api-requests.ts";
import type { MappedResponse } from "./response.ts";
import { toResponseV2 } from "./response-v2.ts";

function answered(answer: unknown, method = "GET"): MappedResponse {
  const text = typeof answer === "string" ? answer : JSON.stringify(answer);
  return toResponseV2(Buffer.from(text), apiRequest({ method }));
}

const inferred: [payload: string, body: string][] = [
  ['{ "message": "Hello from Lambda!" }', '{ "message": "Hello from Lambda!" }'],
  ['"Hello from Lambda!"', "Hello from Lambda!"],
  ['"\\u00e9\\n"', "é\n"],
  ['{"n": 12345678901234567890.10}', '{"n": 12345678901234567890.10}'],
  [" [1.0, 1e3]\n", " [1.0, 1e3]\n"],
  ["9007199254740993", "9007199254740993"],
  ["null", "null"],
  ["true", "true"],
  ['{"errorMessage":"no error","errorType":"Error"}', '{"errorMessage":"no error","errorType":"Error"}'],
  ['{"statusCode":null,"body":"a"}', '{"statusCode":null,"body":"a"}'],
  ['{"body":"a","headers":{"content-type":"text/html"}}', '{"body":"a","headers":{"content-type":"text/html"}}'],
];
for (const [payload, body] of inferred) {
  test(`G5: the answer of payload 2.0 inferred from ${JSON.stringify(payload)}`, () => {
    const response = answered(payload);
    assert.ok(!("malformed" in response));
    assert.equal(response.status, 200);
    assert.equal(response.body.toString(), body);
    assert.deepEqual(response.headers, [
      ...["content-type", "application/json"],
      ...["content-length", String(Buffer.byteLength(body))],
    ]);
  });
}

test("G5: the bytes of an inferred answer are the function's own", () => {
  const bytes = Buffer.from('{"a":1}');
  const response = toResponseV2(bytes, apiRequest());
  assert.ok("body" in response && response.body === bytes);
});

const described: [name: string, answer: unknown, status: number, headers: string[], body: string][] = [
  [
    "a body without a type is text",
    { statusCode: 201, body: "é" },
    201,
    ["content-type", "text/plain; charset=utf-8", "content-length", "2"],
    "é",
  ],
  [
    "cookies become headers, beside one that is a header",
    { statusCode: 200, headers: { "Set-Cookie": "a=1", "Content-Type": "text/html" }, cookies: ["b=2; Secure", "c=3"] },
    200,
    [
      ...["Set-Cookie", "a=1", "set-cookie", "b=2; Secure", "set-cookie", "c=3"],
      ...["Content-Type", "text/html", "content-length", "0"],
    ],
    "",
  ],
  [
    "headers of the connection are dropped, others pass",
    {
      statusCode: 401,
      headers: { connection: "close", "content-length": "99", "transfer-encoding": "x", "WWW-Authenticate": "Basic" },
    },
    401,
    ["WWW-Authenticate", "Basic", "content-type", "text/plain; charset=utf-8", "content-length", "0"],
    "",
  ],
  [
    "numbers as headers as they were written",
    '{"statusCode":"200","headers":{"a":1.10,"b":false}}',
    200,
    ["a", "1.10", "b", "false", "content-type", "text/plain; charset=utf-8", "content-length", "0"],
    "",
  ],
  [
    "base64 is decoded, whatever the client accepts",
    { statusCode: 200, headers: { "content-type": "image/png" }, body: "aGk=", isBase64Encoded: true },
    200,
    ["content-type", "image/png", "content-length", "2"],
    "hi",
  ],
  ["204 has no body", { statusCode: 204, body: "x", headers: { a: "b" } }, 204, ["a", "b"], ""],
];
for (const [name, answer, status, headers, body] of described) {
  test(`G5: answer of payload 2.0: ${name}`, () => {
    const response = answered(answer);
    assert.ok(!("malformed" in response), JSON.stringify(response));
    assert.deepEqual([response.status, response.headers, response.body.toString()], [status, headers, body]);
  });
}

const malformed: [answer: unknown, reason: RegExp][] = [
  ["", /^it is no JSON/],
  ["Hello", /^it is no JSON/],
  ["{}{}", /^it is no JSON/],
  [{ statusCode: 42 }, /^statusCode is no HTTP status: 42$/],
  [{ statusCode: "OK" }, /^statusCode is no HTTP status: "OK"$/],
  [{ statusCode: 200, body: {} }, /^body is no string: an object$/],
  [{ statusCode: 200, cookies: "a=1" }, /^cookies is no list: "a=1"$/],
  [{ statusCode: 200, cookies: [{}] }, /^the header set-cookie is no text: an object$/],
  [{ statusCode: 200, cookies: ["a\r\nb: c"] }, /^no header can have the value of set-cookie/],
  [{ statusCode: 200, headers: { "a:": "b" } }, /^no header can have this name: "a:"$/],
  [{ statusCode: 200, body: "?", isBase64Encoded: true }, /^isBase64Encoded is true and the body is no base64$/],
];
for (const [answer, reason] of malformed) {
  test(`G5: malformed answer of payload 2.0: ${typeof answer === "string" ? answer : JSON.stringify(answer)}`, () => {
    const response = answered(answer);
    assert.ok("malformed" in response);
    assert.match(response.malformed, reason);
  });
}
