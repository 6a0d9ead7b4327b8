import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { complies, problemsOf, type ReadDocument } from "../../test/support/openapi.ts";
import { methods } from "../routing/definition.ts";
import { parseRouting } from "../routing/parse.ts";
import { toDocument } from "./document.ts";
import { securityOfLambda } from "./security.ts";

const lambda = securityOfLambda("required", false);

/** The document as it is sent. @param routing text of routing.yml */
function documentOf(routing: string, own: Partial<Parameters<typeof toDocument>[0]> = {}): ReadDocument {
  const { routes } = parseRouting(routing, {
    path: "routing.yml",
    lookup: () => undefined,
    functions: { path: "functions.yml", names: ["users", "shop", "hello"] },
    missingForRoute: () => undefined,
  });
  return JSON.parse(JSON.stringify(toDocument({ routes, version: "1.2.3", lambda, signsTokens: true, ...own })));
}

const manyRoutes = `
defaults: { auth: none, tags: [common] }
routes:
  - { path: "/users/{id}", method: GET, function: users, summary: One user, tags: [users, all], auth: jwt }
  - { path: "/users/{name}", method: PUT, function: users, description: Renames, request: { type: object } }
  - { path: "/users/{id+}", method: GET, function: users, summary: What a user has }
  - { path: "/shop/{proxy+}", method: ANY, function: shop, summary: The shop, auth: api-key, payload: "2.0" }
  - { path: "/shop/{all+}", method: [GET, POST], function: shop }
  - path: /items
    method: [GET, POST, DELETE]
    function: shop
    request: { application/json: { $ref: "#/$defs/a%20b" , $defs: { a b: { type: integer } } }, text/*: true }
    response:
      type: object
      properties: { next: { $ref: "#" }, default: { $ref: "#/$defs/item" } }
      default: { $ref: "#/no" }
      $defs: { item: { type: string, enum: [{ $ref: "#/neither" }, a] } }
  - { path: /hidden, method: ANY, function: shop }
  - { path: /, method: GET, function: shop, summary: Home }
`;

test("G3: the document is OpenAPI 3.1, whatever the routes say", async () => {
  const example = await readFile(join(import.meta.dirname, "../../deploy/routing.yml"), "utf8");
  for (const routing of [manyRoutes, "routes: []", example]) {
    assert.deepEqual(problemsOf(documentOf(routing)), []);
  }
  for (const mode of ["auto", "open", "required", "off"] as const) {
    const own = { lambda: securityOfLambda(mode, true), signsTokens: mode === "off" };
    assert.deepEqual(problemsOf(documentOf(manyRoutes, own)), []);
  }
});

test("the check of the document finds what is wrong", () => {
  const document = documentOf(manyRoutes);
  assert.equal(problemsOf({ ...document, openapi: "3.0.0" } as ReadDocument).length, 1);
  assert.equal(problemsOf({ ...document, paths: { ...document.paths, "/x/{y}": {} } }).length, 1);
  assert.equal(problemsOf({ ...document, components: {} } as ReadDocument).length > 5, true);
  const wrong = "routes: [{ path: /a, method: GET, function: shop, response: { type: strng } }]";
  assert.equal(problemsOf(documentOf(wrong)).length, 1);
});

test("G3: routes are shown whose entries describe them, method by method", () => {
  const { paths } = documentOf(manyRoutes);
  const shown = Object.entries(paths).map(([path, item]) => {
    const named = Object.keys(item).filter((key) => key !== "parameters");
    return `${path} ${named.sort().join(" ")}`;
  });
  assert.deepEqual(shown.slice(0, -8), [
    // One path, whatever its parameter is called.
    "/users/{id} get put",
    "/users/{id+} get",
    // An explicit method goes before ANY.
    `/shop/{proxy+} ${methods
      .filter((method) => !["GET", "POST"].includes(method))
      .map((method) => method.toLowerCase())
      .join(" ")}`,
    "/items delete get post",
    "/ get",
  ]);
  assert.deepEqual(shown.slice(-8), [
    "/user/auth/ver1.0 post",
    "/2015-03-31/functions/{name}/invocations post",
    "/2021-11-15/functions/{name}/response-streaming-invocations post",
    "/2014-11-13/functions/{name}/invoke-async/ post",
    "/.well-known/jwks.json get",
    "/health get",
    "/ready get",
    "/metrics get",
  ]);
});

test("G2, G3: who may call, with what, and what API Gateway itself answers", () => {
  const { paths } = documentOf(manyRoutes);
  const told = (path: string, method: string) => {
    const { security, responses, tags } = paths[path]?.[method] ?? { responses: {} };
    return { security, tags, answers: Object.keys(responses).join(" ") };
  };
  assert.deepEqual(told("/users/{id}", "get"), {
    security: [{ token: [] }],
    tags: ["users", "all"],
    answers: "200 400 401 413 429 500 502 503 504",
  });
  assert.deepEqual(told("/shop/{proxy+}", "put"), {
    security: [{ apiKey: [] }],
    tags: ["common"],
    answers: "200 400 403 413 429 500 502 503",
  });
  assert.deepEqual(told("/", "get"), { security: [], tags: ["common"], answers: "200 400 413 429 500 502 503 504" });
});

test("G3: bodies: GET has none, and a schema that refers to itself does so in the document", () => {
  const document = documentOf(manyRoutes);
  const item = document.paths["/items"];
  assert.equal(item?.get?.requestBody, undefined);
  assert.deepEqual(Object.keys(item?.post?.requestBody?.content ?? {}), ["application/json", "text/*"]);
  const pointer = "/paths/~1items/post/responses/200/content/application~1json/schema";
  assert.ok(complies(document, pointer, { next: { default: "a" } }));
  assert.ok(!complies(document, pointer, { next: { default: "b" } }));
  const request = "/paths/~1items/post/requestBody/content/application~1json/schema";
  assert.ok(complies(document, request, 1));
  assert.ok(!complies(document, request, "1"));
});

test("L7: Lambda's API: who may call it is as ESB_LAMBDA_AUTH says", () => {
  const invoke = (mode: Parameters<typeof securityOfLambda>[0], development = false) => {
    const { paths } = documentOf("routes: []", { lambda: securityOfLambda(mode, development) });
    const told = Object.entries(paths).flatMap(([path, { post }]) => (path.startsWith("/20") ? [post?.security] : []));
    for (const other of told) assert.deepEqual(other, told[0]);
    return told[0];
  };
  const known = [{ token: [] }, { apiKey: [] }, { sigv4: [] }];
  assert.deepEqual(invoke("auto"), known);
  assert.deepEqual(invoke("required"), known);
  assert.deepEqual(invoke("auto", true), [{}, ...known]);
  assert.deepEqual(invoke("open"), []);
  assert.equal(invoke("off"), undefined);
});

test("G2: the token endpoint is told of where esb signs tokens", () => {
  assert.ok("/user/auth/ver1.0" in documentOf("routes: []").paths);
  assert.ok(!("/user/auth/ver1.0" in documentOf("routes: []", { signsTokens: false }).paths));
});

test("G3: a schema in routing.yml that is none is refused", () => {
  for (const request of ["5", "{ application/json: 5 }", "[a]"]) {
    const entry = `routes: [{ path: /a, method: POST, function: shop, request: ${request} }]`;
    assert.throws(() => documentOf(entry), /routes\.0\.request.*JSON Schema/);
  }
});
