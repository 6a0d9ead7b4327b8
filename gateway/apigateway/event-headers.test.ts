import assert from "node:assert/strict";
import { test } from "node:test";
import { apiRequest, readV1, readV2 } from "../testing/api-requests.ts";
import type { HeaderList } from "./request.ts";

const own = ["x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"];

function theirs<Value>(headers: Record<string, Value>): Record<string, Value> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !own.includes(name.toLowerCase())));
}

const cases: Record<string, { given: HeaderList; v1: Record<string, string[]>; v2: Record<string, string> }> = {
  "spelling is the client's in 1.0 and lower case in 2.0": {
    given: [["X-MyHeader", "Value"]],
    v1: { "X-MyHeader": ["Value"] },
    v2: { "x-myheader": "Value" },
  },
  "repeated ones in several spellings are one": {
    given: [
      ["x-a", "1"],
      ["X-A", "2"],
    ],
    v1: { "x-a": ["1", "2"] },
    v2: { "x-a": "1,2" },
  },
  "an empty value": { given: [["X-Empty", ""]], v1: { "X-Empty": [""] }, v2: { "x-empty": "" } },
  "names that JavaScript's objects have": {
    given: [
      ["__proto__", "a"],
      ["constructor", "b"],
      ["toString", "c"],
    ],
    v1: Object.fromEntries([
      ["__proto__", ["a"]],
      ["constructor", ["b"]],
      ["toString", ["c"]],
    ]),
    v2: Object.fromEntries([
      ["__proto__", "a"],
      ["constructor", "b"],
      ["tostring", "c"],
    ]),
  },
  "what belongs to the connection is dropped": {
    given: [
      ["Connection", "keep-alive"],
      ["Keep-Alive", "timeout=5"],
      ["TE", "trailers"],
      ["Trailer", "X-T"],
      ["Upgrade", "h2c"],
      ["Expect", "100-continue"],
      ["Proxy-Connection", "close"],
      ["Via", "1.1 proxy"],
    ],
    v1: { Via: ["1.1 proxy"] },
    v2: { via: "1.1 proxy" },
  },
  "a chunked body's length is told": {
    given: [["Transfer-Encoding", "chunked"]],
    v1: { "Content-Length": ["4"] },
    v2: { "content-length": "4" },
  },
};
for (const [name, { given, v1, v2 }] of Object.entries(cases)) {
  test(`G5: headers: ${name}`, () => {
    const request = apiRequest({ headers: given, body: Buffer.from("four") });
    const event = readV1(request);
    assert.deepEqual(theirs(event.multiValueHeaders), v1);
    assert.deepEqual(
      theirs(event.headers),
      Object.fromEntries(Object.entries(v1).map(([key, values]) => [key, values.at(-1)])),
    );
    assert.deepEqual(theirs(readV2(request).headers), v2);
  });
}

test("G5: a client's own X-Forwarded-* headers are replaced, in whatever spelling", () => {
  const request = apiRequest({
    headers: [
      ["x-forwarded-for", "6.6.6.6"],
      ["X-FORWARDED-PROTO", "gopher"],
      ["x-forwarded-port", "1"],
    ],
    forwarded: { for: "6.6.6.6, 192.0.2.1", proto: "http", port: "8080" },
  });
  const { "X-Amzn-Trace-Id": _trace, ...headers } = readV1(request).headers;
  assert.deepEqual(headers, {
    "X-Forwarded-For": "6.6.6.6, 192.0.2.1",
    "X-Forwarded-Port": "8080",
    "X-Forwarded-Proto": "http",
  });
  assert.equal(readV2(request).headers["x-forwarded-for"], "6.6.6.6, 192.0.2.1");
});

test("G5: cookies stay a header in 1.0 and are a list in 2.0", () => {
  const request = apiRequest({
    headers: [
      ["Cookie", "a=1;b=2 ; "],
      ["cookie", "c=x=y"],
    ],
  });
  assert.deepEqual(readV1(request).multiValueHeaders.Cookie, ["a=1;b=2 ; ", "c=x=y"]);
  const event = readV2(request);
  assert.deepEqual(event.cookies, ["a=1", "b=2", "c=x=y"]);
  assert.ok(!("cookie" in event.headers));
});

const root = "Root=1-67891233-abcdef012345678912345678";
for (const [given, kept] of [
  [root, true],
  [`${root};Parent=463ac35c9f6413ad;Sampled=1`, true],
  [`Self=1-67891234-12456789abcdef012345678a;${root}`, true],
  ["Root=1-67891233-short", false],
  ["garbage", false],
] as const) {
  test(`G5: X-Amzn-Trace-Id ${given} is ${kept ? "taken over" : "replaced"}`, () => {
    const headers = readV1(apiRequest({ headers: [["x-amzn-trace-id", given]] })).multiValueHeaders;
    assert.deepEqual(headers["X-Amzn-Trace-Id"], [kept ? given : "Root=1-552671f0-9d5ae5c2e64b4f56b9ac32c7"]);
    assert.ok(!("x-amzn-trace-id" in headers));
  });
}
