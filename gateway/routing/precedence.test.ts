import assert from "node:assert/strict";
import { test } from "node:test";
import { found, routingTable } from "../testing/routing-table.ts";

const shop = [
  "ANY /{proxy+}",
  "GET /shop/{proxy+}",
  "GET /shop/{id}",
  "ANY /shop/{id}",
  "GET /shop/cart",
  "GET /shop/{id}/items",
  "GET /{any}/cart/items",
  "POST /",
];
const choices: ReadonlyArray<readonly [request: string, route: string]> = [
  ["GET /shop/cart", "GET /shop/cart"],
  ["GET /shop/1", "GET /shop/{id} id=1"],
  ["PUT /shop/1", "ANY /shop/{id} id=1"],
  ["HEAD /shop/1", "ANY /shop/{id} id=1"],
  ["OPTIONS /shop/1", "ANY /shop/{id} id=1"],
  ["GET /shop/1/items", "GET /shop/{id}/items id=1"],
  ["GET /shop/cart/items", "GET /shop/{id}/items id=cart"],
  ["GET /other/cart/items", "GET /{any}/cart/items any=other"],
  ["GET /shop/1/2", "GET /shop/{proxy+} proxy=1/2"],
  ["GET /else/where", "ANY /{proxy+} proxy=else/where"],
  ["DELETE /else", "ANY /{proxy+} proxy=else"],
  ["POST /", "POST /"],
];
for (const [request, expected] of choices) {
  test(`G3: ${request} finds ${expected}, whatever the file's order`, () => {
    const [method = "", path = ""] = request.split(" ");
    for (const routes of [shop, shop.toReversed(), shop.toSorted()]) {
      assert.equal(found(routingTable(routes), method, path), expected);
    }
  });
}

test("G3: what matches to the end goes before what is greedy, even below a more specific beginning", () => {
  const table = routingTable(["GET /a/{proxy+}", "GET /{x}/b"]);
  assert.equal(found(table, "GET", "/a/b"), "GET /{x}/b x=a");
  assert.equal(found(table, "GET", "/a/c"), "GET /a/{proxy+} proxy=c");
});

test("G3: of two greedy routes the one with more static segments from the left wins", () => {
  const table = routingTable(["GET /a/{proxy+}", "GET /{x}/b/{proxy+}", "GET /{proxy+}", "GET /a/b/c/{rest+}"]);
  assert.equal(found(table, "GET", "/a/b/c/d"), "GET /a/b/c/{rest+} rest=d");
  assert.equal(found(table, "GET", "/a/b/x"), "GET /a/{proxy+} proxy=b/x");
  assert.equal(found(table, "GET", "/z/b/x"), "GET /{x}/b/{proxy+} x=z proxy=x");
  assert.equal(found(table, "GET", "/z"), "GET /{proxy+} proxy=z");
});

test("G3: a REST API's resource without the method ends the search, an HTTP API's does not", () => {
  const routes = (payload: string) => [`GET /a/b ${payload}`, `POST /a/{id} ${payload}`, `ANY /{proxy+} ${payload}`];
  assert.equal(found(routingTable(routes("1.0")), "POST", "/a/b"), "none 1.0");
  assert.equal(found(routingTable(routes("2.0")), "POST", "/a/b"), "POST /a/{id} id=b");
  assert.equal(found(routingTable(routes("2.0")), "PUT", "/a/b"), "ANY /{proxy+} proxy=a/b");
});

test("G3: HEAD and OPTIONS are methods like any others; methods that API Gateway does not know find nothing", () => {
  const table = routingTable(["GET /a 2.0", "HEAD /h 2.0", "OPTIONS /o 2.0", "ANY /any 2.0"]);
  assert.equal(found(table, "HEAD", "/a"), "none 2.0");
  assert.equal(found(table, "HEAD", "/h"), "HEAD /h");
  assert.equal(found(table, "OPTIONS", "/o"), "OPTIONS /o");
  for (const method of ["PROPFIND", "CONNECT", "TRACE", "get", "ANY", ""]) {
    assert.equal(found(table, method, "/any"), "none 2.0");
  }
});

test("G3: an unknown path is answered as the path's routes would, or as the defaults say", () => {
  const table = routingTable(["GET /rest", "GET /http 2.0"], { payload: "2.0" });
  assert.equal(found(table, "PUT", "/rest"), "none 1.0");
  assert.equal(found(table, "PUT", "/http"), "none 2.0");
  assert.equal(found(table, "GET", "/else"), "none 2.0");
  assert.equal(table.payload, "2.0");
  assert.equal(found(routingTable(["GET /http 2.0"]), "GET", "/else"), "none 1.0");
});

test("G3: one path with both payloads: a slash at the end finds the REST API's routes only", () => {
  const table = routingTable(["GET /a 2.0", "ANY /a"]);
  assert.equal(found(table, "GET", "/a"), "GET /a");
  assert.equal(found(table, "GET", "/a/"), "ANY /a");
});

test("G3: names of parameters belong to the route; those of objects' own properties are names like any others", () => {
  const table = routingTable(["GET /{__proto__}/{constructor}", "POST /{a}/{b}"]);
  assert.equal(found(table, "GET", "/1/2"), "GET /{__proto__}/{constructor} __proto__=1 constructor=2");
  assert.equal(found(table, "POST", "/1/2"), "POST /{a}/{b} a=1 b=2");
  assert.equal(
    found(table, "GET", "/constructor/__proto__"),
    "GET /{__proto__}/{constructor} __proto__=constructor constructor=__proto__",
  );
});

test("G3: no routes", () => {
  assert.equal(found(routingTable([]), "GET", "/"), "none 1.0");
});
