import assert from "node:assert/strict";
import { test } from "node:test";
import type { Cors } from "../routing/definition.ts";
import { answerHeaders, preflightHeaders, withoutCors } from "./cors.ts";

const page = "https://app.example.com";
const one: Cors = {
  allowOrigins: [page],
  allowMethods: ["GET", "POST"],
  allowHeaders: ["authorization", "content-type"],
  exposeHeaders: ["x-total", "etag"],
  allowCredentials: true,
  maxAgeSeconds: 300,
};
const everybody: Cors = {
  allowOrigins: ["*"],
  allowMethods: ["*"],
  allowHeaders: ["*"],
  exposeHeaders: [],
  allowCredentials: false,
  maxAgeSeconds: undefined,
};

const allHeaders = (flat: readonly string[]) => {
  const pairs = Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index], flat[2 * index + 1]]);
  return Object.fromEntries(pairs);
};
const varied = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

const preflights: readonly {
  what: string;
  cors: Cors;
  origin: string;
  asked?: { method?: string; headers?: string };
  says: object;
}[] = [
  {
    what: "one origin, all that is set",
    cors: one,
    origin: page,
    says: {
      vary: varied,
      "access-control-allow-origin": page,
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": "GET,POST",
      "access-control-allow-headers": "authorization,content-type",
      "access-control-max-age": "300",
    },
  },
  { what: "another origin: nothing", cors: one, origin: "https://evil.example.com", says: { vary: varied } },
  { what: "no origin at all, as sandboxed pages say it", cors: one, origin: "null", says: { vary: varied } },
  {
    what: "everything: what was asked for by its name, since `*` does not cover Authorization",
    cors: everybody,
    origin: page,
    asked: { method: "DELETE", headers: "authorization, x-mine" },
    says: {
      vary: varied,
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "DELETE",
      "access-control-allow-headers": "authorization, x-mine",
    },
  },
  {
    what: "everything: what is no list of names is not repeated",
    cors: everybody,
    origin: page,
    asked: { headers: "x-a; x-b" },
    says: { vary: varied, "access-control-allow-origin": "*", "access-control-allow-methods": "PUT" },
  },
  {
    what: "age 0 is said",
    cors: { ...one, allowCredentials: false, allowMethods: [], allowHeaders: [], maxAgeSeconds: 0 },
    origin: page,
    says: { vary: varied, "access-control-allow-origin": page, "access-control-max-age": "0" },
  },
];
for (const { what, cors, origin, asked, says } of preflights) {
  test(`G3 CORS, preflight: ${what}`, () => {
    const headers = preflightHeaders(cors, { origin, method: asked?.method ?? "PUT", headers: asked?.headers });
    assert.deepEqual(allHeaders(headers), says);
  });
}

const answers: readonly { what: string; cors: Cors; origin: string | undefined; says: object }[] = [
  {
    what: "an allowed origin",
    cors: one,
    origin: page,
    says: {
      vary: "Origin",
      "access-control-allow-origin": page,
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "x-total,etag",
    },
  },
  { what: "another origin", cors: one, origin: "https://evil.example.com", says: { vary: "Origin" } },
  { what: "no Origin: caches must know all the same", cors: one, origin: undefined, says: { vary: "Origin" } },
  { what: "everybody", cors: everybody, origin: page, says: { "access-control-allow-origin": "*" } },
  { what: "everybody, and no Origin", cors: everybody, origin: undefined, says: {} },
];
for (const { what, cors, origin, says } of answers) {
  test(`G3 CORS, answer: ${what}`, () => {
    assert.deepEqual(allHeaders(answerHeaders(cors, origin)), says);
  });
}

const patterns: readonly (readonly [pattern: string, origin: string, allowed: boolean])[] = [
  ["https://app.example.com", "https://app.example.com", true],
  ["https://app.example.com", "https://app.example.com:8443", false],
  ["https://app.example.com", "http://app.example.com", false],
  ["https://app.example.com", "https://app.example.com.evil.com", false],
  ["https://*.example.com", "https://a.example.com", true],
  ["https://*.example.com", "https://a.b.example.com", true],
  ["https://*.example.com", "https://example.com", false],
  ["https://*.example.com", "https://.example.com", false],
  ["https://*.example.com", "https://evilexample.com", false],
  ["https://*.example.com", "https://evil.com/.example.com", false],
  ["https://*.example.com", "https://evil.com:1.example.com", false],
  ["https://*.example.com", "https://user@evil.example.com", false],
  ["https://*.example.com", "http://a.example.com", false],
  ["https://*.example.com:8443", "https://a.example.com:8443", true],
  ["https://*.example.com", "https://a.example.com:8443", false],
  ["http://localhost:3000", "http://localhost:3000", true],
  ["https://App.Example.com", "https://app.example.com", true],
  ["https://*", "https://a.example.com:8443", true],
  ["https://*", "http://a.example.com", false],
  ["https://*", "https://", false],
];
for (const [pattern, origin, allowed] of patterns) {
  test(`G3 CORS: ${origin} is ${allowed ? "" : "not "}among ${pattern}`, () => {
    const headers = allHeaders(answerHeaders({ ...one, allowOrigins: ["https://other.test", pattern] }, origin));
    assert.equal(headers["access-control-allow-origin"], allowed ? origin : undefined);
  });
}

test("G3 CORS: of a function's headers only those of CORS are dropped, whatever their case", () => {
  const headers = [
    "Vary",
    "accept",
    "Access-Control-Allow-Origin",
    "*",
    "access-control-max-age",
    "1",
    "set-cookie",
    "a",
  ];
  assert.deepEqual(withoutCors(headers), ["Vary", "accept", "set-cookie", "a"]);
});
