import assert from "node:assert/strict";
import { test } from "node:test";
import {
  array,
  assert as check,
  constantFrom,
  dictionary,
  integer,
  jsonValue,
  oneof,
  property,
  record,
  string,
  tuple,
  uint8Array,
} from "fast-check";
import { api, apiRequest, readV1, readV2, routeMatch } from "../testing/api-requests.ts";
import { toEventV1 } from "./event-v1.ts";
import { toEventV2 } from "./event-v2.ts";

/** What a client encodes, a function reads: nothing is lost, and nothing that a client sends is too much. */

const text = string({ unit: "grapheme", maxLength: 12 });
const anyText = oneof(
  text,
  constantFrom("__proto__", "constructor", "", " ", "+", "%", "&=", "é", "\u{1f600}", "\r\n"),
);
const anyBytes = string({ unit: "binary", maxLength: 40 });
const token = string({ unit: constantFrom(..."ABCabc019-_.!~"), minLength: 1, maxLength: 8 });
const headerName = oneof(token, constantFrom("Content-Type", "Cookie", "Host", "X-Forwarded-For", "__proto__"));
const headerValue = string({ unit: constantFrom(...'abcXYZ019 ,;="/\\\t~\u00e9'), maxLength: 20 });
const headers = array(tuple(headerName, headerValue), { maxLength: 10 });
const body = uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));

test("G5: what a form encodes, both formats read", () => {
  return check(
    property(array(tuple(anyText, anyText), { maxLength: 8 }), (pairs) => {
      const rawQuery = new URLSearchParams(pairs).toString();
      const expected = new Map<string, string[]>();
      for (const [key, value] of new URLSearchParams(rawQuery)) {
        expected.set(key, [...(expected.get(key) ?? []), value]);
      }
      const request = apiRequest({ rawQuery });
      const entries = [...expected];
      const v1 = readV1(request);
      assert.deepEqual(v1.multiValueQueryStringParameters ?? {}, Object.fromEntries(entries));
      assert.deepEqual(
        v1.queryStringParameters ?? {},
        Object.fromEntries(entries.map(([key, values]) => [key, values.at(-1)])),
      );
      const v2 = readV2(request);
      assert.deepEqual(
        v2.queryStringParameters ?? {},
        Object.fromEntries(entries.map(([key, values]) => [key, values.join(",")])),
      );
      assert.equal(v2.rawQueryString, rawQuery);
    }),
  );
});

test("G5: any query string is read as browsers read it, and never throws", () => {
  return check(
    property(oneof(anyBytes, string({ unit: constantFrom(..."ab=&+%0fF9c3a9"), maxLength: 30 })), (rawQuery) => {
      const all = readV1(apiRequest({ rawQuery })).multiValueQueryStringParameters ?? {};
      const expected = new URLSearchParams(rawQuery.startsWith("?") ? `?${rawQuery}` : rawQuery);
      assert.deepEqual(Object.keys(all).sort(), [...new Set(expected.keys())].sort());
      for (const key of expected.keys()) {
        assert.deepEqual(all[key], expected.getAll(key));
      }
    }),
  );
});

test("G5: paths arrive as they were sent, and their parameters decoded", () => {
  return check(
    property(array(anyText, { minLength: 1, maxLength: 4 }), (segments) => {
      const rawPath = `/${segments.map((segment) => encodeURIComponent(segment.toWellFormed())).join("/")}`;
      const proxy = segments.map((segment) => segment.toWellFormed()).join("/");
      const match = routeMatch({ path: "/{proxy+}" }, { proxy });
      const v1 = readV1(apiRequest({ rawPath }), match);
      const v2 = readV2(apiRequest({ rawPath }), match);
      assert.deepEqual(
        [v1.path, v1.requestContext.path, v2.rawPath, v2.requestContext.http.path],
        Array(4).fill(rawPath),
      );
      assert.deepEqual([v1.pathParameters, v2.pathParameters], [{ proxy }, { proxy }]);
    }),
  );
});

test("G5: every header's values arrive in their order", () => {
  return check(
    property(headers, (list) => {
      const request = apiRequest({ headers: list });
      const { multiValueHeaders } = readV1(request);
      const v2 = readV2(request);
      for (const [name] of list) {
        const lowerCase = name.toLowerCase();
        if (lowerCase !== "x-forwarded-for" && lowerCase !== "te") {
          const values = list.filter(([other]) => other.toLowerCase() === lowerCase).map(([, value]) => value);
          const spelling = list.find(([other]) => other.toLowerCase() === lowerCase)?.[0] ?? "";
          assert.deepEqual(Object.getOwnPropertyDescriptor(multiValueHeaders, spelling)?.value, values);
          if (lowerCase !== "cookie") {
            assert.equal(Object.getOwnPropertyDescriptor(v2.headers, lowerCase)?.value, values.join(","));
          }
        }
      }
    }),
  );
});

test("G5: every body arrives byte for byte in both formats", () => {
  const types = constantFrom("application/json", "image/png", "text/plain", "application/x-www-form-urlencoded", "");
  const listed = constantFrom([], ["*/*"], ["image/*"]);
  return check(
    property(
      oneof(
        body,
        text.map((value) => Buffer.from(value)),
      ),
      types,
      listed,
      (sent, type, binaryMediaTypes) => {
        const request = apiRequest({ headers: [["Content-Type", type]], body: sent });
        for (const event of [readV1(request, routeMatch({ binaryMediaTypes })), readV2(request)]) {
          const encoding = event.isBase64Encoded ? "base64" : "utf8";
          assert.deepEqual(Buffer.from(event.body ?? "", encoding), sent);
        }
      },
    ),
  );
});

test("G5: nothing that a client sends makes an event throw, and every event is JSON", () => {
  const request = record({
    method: anyText,
    rawPath: anyBytes,
    rawQuery: anyBytes,
    headers: array(tuple(anyBytes, anyBytes), { maxLength: 6 }),
    body,
    domainName: anyBytes,
    protocol: anyText,
    receivedAtMs: integer({ min: 0, max: 8.64e15 }),
  });
  return check(
    property(request, dictionary(anyText, jsonValue()), dictionary(anyText, anyText), (given, claims, variables) => {
      const match = routeMatch({ stage: { name: "prod", variables }, binaryMediaTypes: ["image/*"] }, variables);
      const authorization = { kind: "jwt", claims, scopes: undefined } as const;
      for (const toEvent of [toEventV1, toEventV2]) {
        const event = JSON.parse(toEvent(apiRequest(given), match, authorization, api).toString());
        const { claims: told } = event.requestContext.authorizer.jwt ?? event.requestContext.authorizer;
        assert.ok(Object.values(told).every((value) => typeof value === "string"));
      }
    }),
  );
});
