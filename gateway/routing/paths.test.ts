import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../apigateway/errors.ts";
import { found, routingTable } from "../testing/routing-table.ts";

const rest = routingTable(["GET /", "GET /users/{id}", "GET /files/{proxy+}", "GET /a", "GET /a.b/~c", "GET /x/{y}/z"]);
const http = routingTable(
  ["GET / 2.0", "GET /users/{id} 2.0", "GET /files/{proxy+} 2.0", "GET /a 2.0", "GET /a.b/~c 2.0", "GET /x/{y}/z 2.0"],
  { payload: "2.0" },
);

const unknown = "none";
/** What is found for a path, by REST APIs (payload 1.0) and HTTP APIs (2.0). */
const paths: ReadonlyArray<readonly [what: string, path: string, rest: string, http: string]> = [
  ["the root", "/", "GET /", "GET /"],
  ["a value", "/users/1", "GET /users/{id} id=1", "GET /users/{id} id=1"],
  ["a slash at the end", "/users/1/", "GET /users/{id} id=1", unknown],
  ["slashes at the end", "/a//", "GET /a", unknown],
  ["a slash at the beginning", "//a", "GET /a", "GET /a"],
  ["slashes only", "///", "GET /", "GET /"],
  ["an empty segment in the middle", "/x//z", unknown, unknown],
  ["no value", "/users/", unknown, unknown],
  ["an encoded slash", "/users/1%2F2", "GET /users/{id} id=1/2", "GET /users/{id} id=1/2"],
  ["an encoded slash in lower case", "/users/1%2f2", "GET /users/{id} id=1/2", "GET /users/{id} id=1/2"],
  ["an encoded percent sign is decoded once", "/users/1%252F2", "GET /users/{id} id=1%2F2", "GET /users/{id} id=1%2F2"],
  ["an encoded slash is no separator", "/x%2Fy%2Fz", unknown, unknown],
  ["a slash that is encoded at the end is a value's", "/users/%2F", "GET /users/{id} id=/", "GET /users/{id} id=/"],
  ["a plus sign stays", "/users/a+b", "GET /users/{id} id=a+b", "GET /users/{id} id=a+b"],
  ["an encoded plus sign", "/users/a%2Bb", "GET /users/{id} id=a+b", "GET /users/{id} id=a+b"],
  ["a space", "/users/a%20b", "GET /users/{id} id=a b", "GET /users/{id} id=a b"],
  ["UTF-8", "/users/zo%C3%AB%F0%9F%91%8B", "GET /users/{id} id=zoë👋", "GET /users/{id} id=zoë👋"],
  [
    "signs that need no encoding",
    "/users/a=b&c@d:e;f",
    "GET /users/{id} id=a=b&c@d:e;f",
    "GET /users/{id} id=a=b&c@d:e;f",
  ],
  ["a segment that is encoded without need", "/%61", "GET /a", "GET /a"],
  ["a dot and a tilde that are encoded", "/a%2Eb/%7Ec", "GET /a.b/~c", "GET /a.b/~c"],
  ["other case", "/A", unknown, unknown],
  ["dots are values", "/users/..", "GET /users/{id} id=..", "GET /users/{id} id=.."],
  ["dots resolve nothing", "/x/../a", unknown, unknown],
  ["an encoded dot resolves nothing", "/users/%2e%2e", "GET /users/{id} id=..", "GET /users/{id} id=.."],
  ["dots below a greedy parameter", "/files/../a", "GET /files/{proxy+} proxy=../a", "GET /files/{proxy+} proxy=../a"],
  ["one segment below", "/files/a", "GET /files/{proxy+} proxy=a", "GET /files/{proxy+} proxy=a"],
  ["more below", "/files/a/b/c", "GET /files/{proxy+} proxy=a/b/c", "GET /files/{proxy+} proxy=a/b/c"],
  ["a slash at the end, below", "/files/a/b/", "GET /files/{proxy+} proxy=a/b", "GET /files/{proxy+} proxy=a/b/"],
  ["an empty segment below", "/files/a//b", "GET /files/{proxy+} proxy=a//b", "GET /files/{proxy+} proxy=a//b"],
  ["an empty segment first, below", "/files//b", "GET /files/{proxy+} proxy=/b", "GET /files/{proxy+} proxy=/b"],
  ["encoded below", "/files/a%2Fb/%C3%AB", "GET /files/{proxy+} proxy=a/b/ë", "GET /files/{proxy+} proxy=a/b/ë"],
  ["nothing below", "/files", unknown, unknown],
  ["nothing below but the slash", "/files/", unknown, "GET /files/{proxy+} proxy="],
];
for (const [what, path, byRest, byHttp] of paths) {
  test(`G3: ${what}: ${path}`, () => {
    assert.equal(found(rest, "GET", path), byRest === unknown ? "none 1.0" : byRest);
    assert.equal(found(http, "GET", path), byHttp === unknown ? "none 2.0" : byHttp);
  });
}

test("G3: the root is below an HTTP API's /{proxy+}, not below a REST API's", () => {
  assert.equal(found(routingTable(["GET /{proxy+} 2.0"]), "GET", "/"), "GET /{proxy+} proxy=");
  assert.equal(found(routingTable(["GET /{proxy+}"]), "GET", "/"), "none 1.0");
});

for (const path of [
  "/%",
  "/a/%2",
  "/%zz",
  "/%ff",
  "/%C3",
  "/%ED%A0%80",
  "/a/%u0041",
  "/zoë",
  "/a/%00%",
  "",
  "*",
  "a",
]) {
  test(`G3: not a path: ${path}`, () => {
    assert.throws(
      () => rest.match("GET", path),
      (error: unknown) => error instanceof ApiError && error.code === "BAD_REQUEST",
    );
  });
}
