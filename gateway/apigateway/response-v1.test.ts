import assert from "node:assert/strict";
import { test } from "node:test";
import { apiRequest, routeMatch } from "../testing/api-requests.ts";
import type { MappedResponse } from "./response.ts";
import { toResponseV1 } from "./response-v1.ts";

interface Client {
  readonly method?: string;
  readonly accept?: string;
  readonly binaryMediaTypes?: readonly string[];
}

function answered(answer: unknown, { method = "GET", accept, binaryMediaTypes = [] }: Client = {}): MappedResponse {
  const headers = accept === undefined ? [] : [["Accept", accept] as const];
  const text = typeof answer === "string" ? answer : JSON.stringify(answer);
  return toResponseV1(Buffer.from(text), apiRequest({ method, headers }), routeMatch({ binaryMediaTypes }).route);
}

function body(response: MappedResponse): string {
  return "malformed" in response ? response.malformed : response.body.toString("latin1");
}

const answers: [name: string, answer: unknown, headers: string[], body?: string][] = [
  ["only a status", { statusCode: 200 }, ["content-type", "application/json", "content-length", "0"]],
  [
    "a body is not touched",
    { statusCode: 200, body: '{"n": 12345678901234567890.10}' },
    ["content-type", "application/json", "content-length", "30"],
    '{"n": 12345678901234567890.10}',
  ],
  [
    "null stands for nothing",
    { statusCode: 200, headers: null, multiValueHeaders: null, body: null, isBase64Encoded: null },
    ["content-type", "application/json", "content-length", "0"],
  ],
  [
    "headers in the function's spelling, its type last",
    { statusCode: 200, headers: { "Content-Type": "text/html", "X-A": "1" }, body: "x" },
    ["X-A", "1", "Content-Type", "text/html", "content-length", "1"],
    "x",
  ],
  [
    "several cookies",
    { statusCode: 200, multiValueHeaders: { "Set-Cookie": ["a=1", "b=2"] } },
    ["Set-Cookie", "a=1", "Set-Cookie", "b=2", "content-type", "application/json", "content-length", "0"],
  ],
  [
    "cookies by spelling, as before there were several values",
    { statusCode: 200, headers: { "Set-Cookie": "a=1", "set-cookie": "b=2" } },
    ["Set-Cookie", "a=1", "set-cookie", "b=2", "content-type", "application/json", "content-length", "0"],
  ],
  [
    "what both have is merged, pairs that are the same once",
    { statusCode: 200, headers: { "X-A": "1", "X-B": "3" }, multiValueHeaders: { "X-A": ["1", "2"], "X-B": ["4"] } },
    ["X-B", "3", "X-A", "1", "X-A", "2", "X-B", "4", "content-type", "application/json", "content-length", "0"],
  ],
  [
    "there is one Content-Type",
    { statusCode: 200, headers: { "content-type": "a/b" }, multiValueHeaders: { "Content-Type": ["c/d", "e/f"] } },
    ["Content-Type", "e/f", "content-length", "0"],
  ],
  [
    "numbers and booleans as headers, numbers as they were written",
    '{"statusCode":200,"headers":{"a":12345678901234567890,"b":1.50,"c":true,"d":null},"multiValueHeaders":{"e":[1e3,false]}}',
    [
      ...["a", "12345678901234567890", "b", "1.50", "c", "true", "e", "1e3", "e", "false"],
      ...["content-type", "application/json", "content-length", "0"],
    ],
  ],
  [
    "headers of the connection are dropped or renamed",
    {
      statusCode: 401,
      headers: {
        Connection: "close",
        "Content-Length": "9999",
        Date: "today",
        Server: "mine",
        "Transfer-Encoding": "chunked",
        Upgrade: "h2c",
        "WWW-Authenticate": "Basic",
      },
    },
    [
      ...["x-amzn-Remapped-Connection", "close", "x-amzn-Remapped-Content-Length", "9999"],
      ...["x-amzn-Remapped-Date", "today", "x-amzn-Remapped-Server", "mine"],
      ...["x-amzn-Remapped-WWW-Authenticate", "Basic", "content-type", "application/json", "content-length", "0"],
    ],
  ],
  [
    "fields that are not known say nothing",
    { statusCode: 200, errorMessage: "no error", cookies: ["a=1"] },
    ["content-type", "application/json", "content-length", "0"],
  ],
];
for (const [name, answer, headers, text = ""] of answers) {
  test(`G5: answer of payload 1.0: ${name}`, () => {
    const response = answered(answer);
    assert.ok(!("malformed" in response), JSON.stringify(response));
    assert.deepEqual([response.headers, response.body.toString()], [headers, text]);
  });
}

const malformed: [answer: unknown, reason: RegExp][] = [
  ["", /^it is no JSON/],
  ["{", /^it is no JSON/],
  ["null", /^it is no object: null$/],
  ["[]", /^it is no object: a list$/],
  ['"text"', /^it is no object: "text"$/],
  [{ errorMessage: "no error", errorType: "Error" }, /^it has no statusCode$/],
  [{ statusCode: null }, /^it has no statusCode$/],
  ...[99, 100, 101, 199, 600, 1000, -200, 200.5, "2OO", "0200", "", true, [200], {}].map(
    (statusCode) => [{ statusCode }, /^statusCode is no HTTP status: /] as [unknown, RegExp],
  ),
  [{ statusCode: 200, body: { a: 1 } }, /^body is no string: an object$/],
  [{ statusCode: 200, body: 42 }, /^body is no string: 42$/],
  [{ statusCode: 200, headers: [] }, /^headers is no object: a list$/],
  [{ statusCode: 200, headers: "a: b" }, /^headers is no object: /],
  [{ statusCode: 200, headers: { a: ["b"] } }, /^the header a is no text: a list$/],
  [{ statusCode: 200, headers: { a: "b\r\nX-Evil: 1" } }, /^no header can have the value of a: "b\\r\\nX-Evil: 1"$/],
  [{ statusCode: 200, headers: { a: "b\n" } }, /^no header can have the value of a/],
  [{ statusCode: 200, headers: { a: "\0" } }, /^no header can have the value of a/],
  [{ statusCode: 200, headers: { a: "Łódź" } }, /^no header can have the value of a/],
  [{ statusCode: 200, headers: { "a\r\nX-Evil: 1\r\nb": "c" } }, /^no header can have this name/],
  [{ statusCode: 200, headers: { "": "c" } }, /^no header can have this name: ""$/],
  [{ statusCode: 200, headers: { "a b": "c" } }, /^no header can have this name: "a b"$/],
  [{ statusCode: 200, headers: { Connection: "a\r\nb" } }, /^no header can have the value of Connection/],
  [{ statusCode: 200, multiValueHeaders: { a: "b" } }, /^multiValueHeaders has no list at "a"$/],
  [{ statusCode: 200, multiValueHeaders: { a: [null] } }, /^the header a is no text: null$/],
  [{ statusCode: 200, isBase64Encoded: 1 }, /^isBase64Encoded is neither true nor false: 1$/],
];
for (const [answer, reason] of malformed) {
  const text = typeof answer === "string" ? answer : JSON.stringify(answer);
  test(`G5: malformed answer of payload 1.0: ${text}`, () => {
    const response = answered(answer);
    assert.ok("malformed" in response);
    assert.match(response.malformed, reason);
  });
}

for (const statusCode of [200, 204, 299, 302, 404, 599, "201"]) {
  test(`G5: the status ${JSON.stringify(statusCode)} is taken`, () => {
    const response = answered({ statusCode });
    assert.ok("status" in response && response.status === Number(statusCode));
  });
}

const nested = "[".repeat(200_000) + "]".repeat(200_000);
for (const answer of [
  `{"statusCode":${nested}}`,
  `{"statusCode":200,"headers":{"a":${nested}}}`,
  `{"statusCode":200,"headers":{"a":1},"more":${nested}}`,
  `{"statusCode":200,"body":${nested}}`,
]) {
  test(`G5: an answer as deep as ${answer.slice(0, 50)}... throws nothing`, () => {
    assert.ok("malformed" in answered(answer));
  });
}

const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff, 0x00]);
const image = {
  statusCode: 200,
  headers: { "Content-Type": "image/png" },
  body: png.toString("base64"),
  isBase64Encoded: true,
};
const binary: [Client, decoded: boolean][] = [
  [{ accept: "image/png", binaryMediaTypes: ["image/png"] }, true],
  [{ accept: "image/png;q=0.9, text/html", binaryMediaTypes: ["image/*"] }, true],
  [{ accept: "image/webp,image/*,*/*;q=0.8", binaryMediaTypes: ["image/webp"] }, true],
  [{ accept: "text/html, image/png", binaryMediaTypes: ["*/*"] }, true],
  [{ binaryMediaTypes: ["*/*"] }, true],
  [{ accept: "*/*", binaryMediaTypes: ["image/png"] }, true],
  [{ accept: "*/*", binaryMediaTypes: ["application/pdf"] }, false],
  [{ accept: "image/png" }, false],
];
for (const [client, decoded] of binary) {
  test(`G5: base64 for a client with ${JSON.stringify(client)} is decoded: ${decoded}`, () => {
    assert.equal(body(answered(image, client)), decoded ? png.toString("latin1") : png.toString("base64"));
  });
}

test("G5: base64 with line ends is read; what is no base64 is malformed", () => {
  const client = { binaryMediaTypes: ["*/*"] };
  const long = Buffer.alloc(100, "x");
  const lines = long.toString("base64").replaceAll(/.{76}/g, "$&\r\n");
  assert.equal(body(answered({ ...image, body: lines }, client)), long.toString());
  assert.equal(
    body(answered({ ...image, body: "no base64!" }, client)),
    "isBase64Encoded is true and the body is no base64",
  );
});

test("G5: answers without a body: 204, 304 and those of a HEAD", () => {
  const page = { headers: { "Content-Length": "1234", "X-A": "1" }, body: "four" };
  for (const statusCode of [204, 304]) {
    const response = answered({ statusCode, ...page });
    assert.ok(!("malformed" in response));
    assert.deepEqual(response.headers, ["x-amzn-Remapped-Content-Length", "1234", "X-A", "1"]);
    assert.equal(response.body.length, 0);
  }
  const lengths = [
    [{ statusCode: 200, ...page }, "1234"],
    [{ statusCode: 200, body: "four" }, "4"],
    [{ statusCode: 200, headers: { "content-length": "1\t" }, body: "four" }, "4"],
    [{ statusCode: 200 }, undefined],
  ] as const;
  for (const [answer, length] of lengths) {
    const response = answered(answer, { method: "HEAD" });
    assert.ok(!("malformed" in response));
    assert.equal(response.body.length, 0);
    const at = response.headers.indexOf("content-length");
    assert.equal(at === -1 ? undefined : response.headers[response.headers.lastIndexOf("content-length") + 1], length);
  }
});
