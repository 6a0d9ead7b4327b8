import assert from "node:assert/strict";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { test } from "node:test";
import {
  array,
  assert as check,
  constant,
  constantFrom,
  dictionary,
  integer,
  json,
  jsonValue,
  oneof,
  option,
  property,
  record,
  string,
  uint8Array,
} from "fast-check";
import { apiRequest, routeMatch } from "../testing/api-requests.ts";
import type { MappedResponse } from "./response.ts";
import { toResponseV1 } from "./response-v1.ts";
import { toResponseV2 } from "./response-v2.ts";

/** Whatever a function answers is either an answer that Node can send, or malformed. */

const anyText = string({ unit: "binary", maxLength: 20 });
const word = string({ unit: constantFrom(..."aZ0-_ :\r\n\u00e9\u0142"), maxLength: 6 });
const scalar = oneof(word, integer(), constant(true), constant(null), anyText);
const name = oneof(
  word,
  constantFrom("content-type", "Content-Length", "transfer-encoding", "connection", "set-cookie", "__proto__", "date"),
);
const answer = record(
  {
    statusCode: oneof(integer({ min: 100, max: 700 }), constantFrom<unknown>(200, "204", "304", "x", null, 200.5)),
    headers: oneof(dictionary(name, scalar), jsonValue()),
    multiValueHeaders: oneof(dictionary(name, array(scalar, { maxLength: 3 })), jsonValue()),
    cookies: oneof(array(scalar, { maxLength: 3 }), jsonValue()),
    body: oneof(anyText, jsonValue()),
    isBase64Encoded: oneof(constantFrom<unknown>(true, false, "true"), jsonValue()),
  },
  { requiredKeys: [] },
).map((value) => Buffer.from(JSON.stringify(value)));
const good = record({
  statusCode: integer({ min: 200, max: 599 }),
  headers: dictionary(
    string({ unit: constantFrom(..."aB-"), minLength: 1, maxLength: 4 }),
    option(string(), { nil: 7 }),
  ),
  body: anyText,
}).map((value) => Buffer.from(JSON.stringify(value)));
const anything = oneof(
  uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  json().map((text) => Buffer.from(text)),
);
const method = constantFrom("GET", "HEAD", "POST");
const listed = constantFrom([], ["*/*"]);

/** What Node sends of it; throws when it cannot be sent. */
function sent(mapped: MappedResponse, asked: string): void {
  if ("malformed" in mapped) {
    assert.ok(mapped.malformed.length > 0 && mapped.malformed.length < 1000);
    return;
  }
  const request = new IncomingMessage(new Socket());
  request.method = asked;
  const response = new ServerResponse(request);
  response.writeHead(mapped.status, mapped.headers).end(mapped.body);
  assert.ok(mapped.status >= 200 && mapped.status <= 599);
  const names = mapped.headers.filter((_, index) => index % 2 === 0).map((each) => each.toLowerCase());
  for (const single of ["content-type", "content-length"]) {
    assert.ok(names.filter((each) => each === single).length <= 1, single);
  }
  assert.ok(!names.includes("transfer-encoding") && !names.includes("connection"));
  if (asked === "HEAD" || mapped.status === 204 || mapped.status === 304) {
    assert.equal(mapped.body.length, 0);
  } else {
    assert.equal(mapped.headers[mapped.headers.lastIndexOf("content-length") + 1], String(mapped.body.length));
  }
}

test("G5: any answer of payload 1.0 can be sent or is malformed", () => {
  return check(
    property(oneof(answer, good, anything), method, listed, (bytes, asked, binaryMediaTypes) => {
      sent(toResponseV1(bytes, apiRequest({ method: asked }), routeMatch({ binaryMediaTypes }).route), asked);
    }),
    { numRuns: 1000 },
  );
});

test("G5: any answer of payload 2.0 can be sent or is malformed", () => {
  return check(
    property(oneof(answer, good, anything), method, (bytes, asked) => {
      sent(toResponseV2(bytes, apiRequest({ method: asked })), asked);
    }),
    { numRuns: 1000 },
  );
});

test("G5: an inferred answer is the function's JSON, byte for byte", () => {
  return check(
    property(json(), (text) => {
      const mapped = toResponseV2(Buffer.from(text), apiRequest());
      const value = JSON.parse(text);
      if (value?.statusCode === undefined) {
        assert.ok("body" in mapped);
        assert.equal(mapped.body.toString(), typeof value === "string" ? value.toWellFormed() : text);
      }
    }),
  );
});

test("G5: every text is the body that a client gets, and every byte as base64", () => {
  const route = routeMatch({ binaryMediaTypes: ["*/*"] }).route;
  return check(
    property(string({ unit: "grapheme" }), uint8Array(), (text, bytes) => {
      const asText = Buffer.from(JSON.stringify({ statusCode: 200, body: text }));
      const asBase64 = Buffer.from(
        JSON.stringify({ statusCode: 200, body: Buffer.from(bytes).toString("base64"), isBase64Encoded: true }),
      );
      const request = apiRequest();
      for (const map of [(b: Buffer) => toResponseV1(b, request, route), (b: Buffer) => toResponseV2(b, request)]) {
        const [first, second] = [map(asText), map(asBase64)];
        assert.ok("body" in first && "body" in second);
        assert.equal(first.body.toString(), text);
        assert.deepEqual(second.body, Buffer.from(bytes));
      }
    }),
  );
});
