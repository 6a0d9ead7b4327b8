/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of our files look like this. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigurationError } from "../../common/environment.ts";
import { parseRouting } from "./parse.ts";

const context = {
  path: "routing.yml",
  lookup: (name: string) => ({ TABLE: "orders", ORIGIN: "https://shop.example" })[name],
  functions: { path: "functions.yml", names: ["users", "shop"] },
  missingForRoute: () => undefined,
};
const parse = (text: string) => parseRouting(text, context);
const only = (rest: string) => {
  const [route] = parse(`routes: [{ path: /a, method: GET, function: users, ${rest} }]`).routes;
  assert.ok(route);
  return route;
};

test("G3: the file of the issue, with what nobody has said", () => {
  const { routes, payload } = parse(`
routes:
  - { path: "/users/{id}", method: GET, function: users }
  - { path: "/shop/{proxy+}", method: ANY, function: shop, auth: none, payload: "2.0" }
`);
  assert.deepEqual(routes[0], {
    path: "/users/{id}",
    resourceId: "0duo45s",
    methods: ["GET"],
    functionName: "users",
    auth: "jwt",
    payload: "1.0",
    cors: undefined,
    timeoutMs: 29_000,
    stage: { name: "$default", variables: {} },
    binaryMediaTypes: [],
    description: { summary: undefined, description: undefined, tags: [], request: undefined, response: undefined },
  });
  assert.deepEqual(
    routes.slice(1).map(({ methods, auth, payload, timeoutMs }) => ({ methods, auth, payload, timeoutMs })),
    [{ methods: "ANY", auth: "none", payload: "2.0", timeoutMs: 30_000 }],
  );
  assert.equal(payload, "1.0");
});

test("G3: defaults stand behind what a route says, and choose the answer for unknown paths", () => {
  const table = parse(`
defaults: { auth: api-key, payload: "2.0", cors: true, timeoutMs: 5000, stage: prod, binaryMediaTypes: [image/*], tags: [a] }
stages: { prod: { TABLE: "\${TABLE}", VERSION: 1.10, FLAG: true }, test: }
routes:
  - { path: /a, method: [GET, HEAD], function: users }
  - { path: /b, method: GET, function: users, auth: none, payload: "1.0", cors: false, timeoutMs: 100, stage: test, binaryMediaTypes: [], tags: [] }
`);
  const [a, b] = table.routes;
  const { auth, payload, timeoutMs, binaryMediaTypes } = a ?? {};
  assert.deepEqual(
    { auth, payload, timeoutMs, binaryMediaTypes },
    {
      auth: "api-key",
      payload: "2.0",
      timeoutMs: 5000,
      binaryMediaTypes: ["image/*"],
    },
  );
  assert.deepEqual(a?.methods, ["GET", "HEAD"]);
  assert.deepEqual(a?.stage, { name: "prod", variables: { TABLE: "orders", VERSION: "1.10", FLAG: "true" } });
  assert.deepEqual(a?.description.tags, ["a"]);
  assert.deepEqual(b?.stage, { name: "test", variables: {} });
  assert.equal(b?.cors, undefined);
  assert.deepEqual([b?.auth, b?.payload, b?.timeoutMs, b?.description.tags], ["none", "1.0", 100, []]);
  const unknown = table.match("GET", "/nowhere");
  assert.ok("none" in unknown);
  assert.equal(unknown.none.payload, "2.0");
  assert.deepEqual(unknown.none.cors?.allowOrigins, ["*"]);
});

for (const [written, payload] of [
  ["2.0", "2.0"],
  ["2", "2.0"],
  ["1.0", "1.0"],
  ["1", "1.0"],
  ['"2.0"', "2.0"],
] as const) {
  test(`G3: payload: ${written}`, () => assert.equal(only(`payload: ${written}`).payload, payload));
}

test("G3: cors true, a map, and a map over that of the defaults", () => {
  const all = only("cors: true").cors;
  assert.deepEqual(all?.allowOrigins, ["*"]);
  assert.ok(all?.allowMethods.includes("DELETE") && all.allowHeaders.includes("authorization"));
  assert.equal(all?.allowCredentials, false);
  const some = only(
    'cors: { allowOrigins: ["${ORIGIN}", "https://*.example.com"], allowCredentials: true, maxAge: 60 }',
  ).cors;
  assert.deepEqual(some?.allowOrigins, ["https://shop.example", "https://*.example.com"]);
  assert.deepEqual([some?.allowCredentials, some?.maxAgeSeconds], [true, 60]);
  const table = parse(`
defaults: { cors: { allowOrigins: [https://a.example], maxAge: 5 } }
routes:
  - { path: /a, method: GET, function: users, cors: true }
  - { path: /b, method: GET, function: users, cors: { maxAge: 7 } }
  - { path: /c, method: GET, function: users, cors: false }
  - { path: /c, method: PUT, function: users }
`);
  const told = table.routes.map(({ cors }) => [cors?.allowOrigins, cors?.maxAgeSeconds]);
  const origins = ["https://a.example"];
  assert.deepEqual(told, [
    [origins, 5],
    [origins, 7],
    [undefined, undefined],
    [origins, 5],
  ]);
  assert.equal(table.corsFor("GET", "/c"), undefined);
  assert.equal(table.corsFor("PUT", "/c")?.maxAgeSeconds, 5);
  assert.equal(table.corsFor("DELETE", "/b")?.maxAgeSeconds, 7);
  assert.equal(table.corsFor("GET", "/nowhere")?.maxAgeSeconds, 5);
});

test("G3: request and response are JSON Schemas, alone or by media type", () => {
  const { description } = only(
    "summary: S, description: D, tags: [t], request: { type: object }, response: { text/csv: { type: string }, application/json: {} }",
  );
  assert.deepEqual(description, {
    summary: "S",
    description: "D",
    tags: ["t"],
    request: { "application/json": { type: "object" } },
    response: { "text/csv": { type: "string" }, "application/json": {} },
  });
});

test("G3: no routes yet", () => assert.equal(parse("routes:\n").routes.length, 0));

const route = (rest: string) => `routes:\n  - { path: /a, function: users, ${rest} }\n`;
const mistakes: ReadonlyArray<readonly [what: string, text: string, expected: string]> = [
  ["empty file", "", "routing.yml:1:1: routes: must be a list of routes"],
  ["routes as a map", "routes: { /a: {} }", "routing.yml:1:9: routes: must be a list of routes"],
  [
    "unknown key at the top",
    "route: []\nroutes: []",
    "routing.yml:1:1: route: unknown key; expected one of defaults, stages, routes",
  ],
  [
    "unknown key of a route",
    "routes:\n  - path: /a\n    methods: GET\n    method: GET\n    function: users\n",
    "routing.yml:3:5: routes.0.methods: unknown key; expected one of path, method, function, auth,",
  ],
  [
    "path among the defaults",
    "defaults: { path: /a }\nroutes: []",
    "defaults.path: unknown key; expected one of auth, payload",
  ],
  [
    "no path",
    "routes:\n  - { method: GET, function: users }",
    "routing.yml:2:5: routes.0.path: must be a path template",
  ],
  ["no method", route("auth: none"), "routes.0.method: must be a method, ANY or a list"],
  ["no function", "routes: [{ path: /a, method: GET }]", "routes.0.function: must be a function's name"],
  [
    "method in small letters",
    route("method: get"),
    "routes.0.method: must be a method, ANY or a list of different methods; expected DELETE, GET",
  ],
  [
    "unknown method in a list",
    route("method: [GET, LINK]"),
    "routing.yml:2:48: routes.0.method.1: must be a method; expected DELETE",
  ],
  ["ANY in a list", route("method: [ANY]"), "routes.0.method.0: must be a method; expected DELETE"],
  [
    "a method twice",
    route("method: [GET, GET]"),
    "routes.0.method: must be a method, ANY or a list of different methods",
  ],
  ["no methods", route("method: []"), "routes.0.method: must be a method, ANY or a list"],
  ["unknown auth", route("method: GET, auth: basic"), "routes.0.auth: must be one of jwt, none, api-key"],
  ["unknown payload", route("method: GET, payload: 3.0"), 'routes.0.payload: must be "1.0" (as of REST APIs) or "2.0"'],
  [
    "timeout too short",
    route("method: GET, timeoutMs: 49"),
    "routes.0.timeoutMs: must be a whole number of milliseconds; expected 50 to 900000",
  ],
  ["cors as text", route("method: GET, cors: yes"), "routes.0.cors: must be true, false or a map"],
  [
    "unknown key of cors",
    route("method: GET, cors: { origins: [a] }"),
    "routing.yml:2:55: routes.0.cors.origins: unknown key; expected one of allowOrigins, allowMethods",
  ],
  [
    "origin with a path",
    route("method: GET, cors: { allowOrigins: [https://a.example/] }"),
    "routes.0.cors.allowOrigins.0: must be an origin without a path",
  ],
  [
    "credentials for everybody",
    route("method: GET, cors: { allowCredentials: true }"),
    "routes.0.cors: allowCredentials cannot be true for every origin",
  ],
  [
    "credentials for everybody by default",
    "defaults: { cors: { allowOrigins: ['*'], allowCredentials: true } }\nroutes:",
    "routing.yml:1:19: defaults.cors: allowCredentials cannot be",
  ],
  ["no media type", route("method: GET, binaryMediaTypes: [png]"), "routes.0.binaryMediaTypes.0: must be a media type"],
  [
    "a stage that is not listed",
    `stages: { prod: }\n${route("method: GET, stage: prd")}`,
    "routing.yml:3:54: routes.0.stage: is not among stages; expected one of $default, prod",
  ],
  ["a stage's name", route("method: GET, stage: a b"), "routes.0.stage: must be a stage's name"],
  [
    "a variable's name",
    "stages: { prod: { a-b: 1 } }\nroutes:",
    "routing.yml:1:19: stages.prod.a-b: is not a variable's name",
  ],
  [
    "a template",
    'routes: [{ path: "/{proxy+}/a", method: GET, function: users }]',
    "routing.yml:1:18: routes.0.path: nothing may follow {name+}",
  ],
  [
    "a schema",
    route("method: GET, request: text"),
    "routes.0.request: must be a JSON Schema, or a map from media types",
  ],
  ["unset variable", route('method: GET, stage: "${NOPE}"'), "the variable NOPE is not set"],
  [
    "unknown function",
    "routes: [{ path: /a, method: GET, function: user }]",
    "routing.yml:1:45: routes.0.function: there is no function user in functions.yml; did you mean users?",
  ],
];
for (const [what, text, expected] of mistakes) {
  test(`G3: refused: ${what}`, () => refused(text, expected));
}

function refused(text: string, expected: string, names: readonly string[] = context.functions.names): void {
  assert.throws(
    () => parseRouting(text, { ...context, functions: { path: "functions.yml", names } }),
    (error: unknown) => {
      assert.ok(error instanceof ConfigurationError);
      assert.ok(error.message.includes(expected), `${error.message}\ndoes not say\n${expected}`);
      return true;
    },
  );
}

test("G3: refused: a function where there are none at all", () => {
  refused(route("method: GET"), "there is no function users: functions.yml has none", []);
});

test("G2: refused: routes that nobody could call, each kind once, at the first of them", () => {
  const missingForRoute = (auth: string) => (auth === "jwt" ? "needs a secret; set ESB_JWT_SECRET" : undefined);
  const routes = "routes:\n  - { path: /a, method: GET, function: users, auth: none }\n";
  const more = ["/b", "/c"].map((path) => `  - { path: ${path}, method: GET, function: users }\n`).join("");
  assert.equal(parseRouting(routes, { ...context, missingForRoute }).routes.length, 1);
  assert.throws(() => parseRouting(routes + more, { ...context, missingForRoute }), {
    message: "routing.yml:3:5: routes.1.auth: jwt needs a secret; set ESB_JWT_SECRET",
  });
});

for (const [one, other, method] of [
  ["path: '/u/{id}', method: GET", "path: '/u/{name}', method: GET", "GET"],
  ["path: '/u/{id}', method: ANY", "path: '/u/{id}', method: ANY", "ANY"],
  ["path: '/u/{a+}', method: [GET, PUT]", "path: '/u/{b+}', method: [POST, PUT]", "PUT"],
  ["path: /, method: GET", "path: /, method: GET", "GET"],
] as const) {
  test(`G3: refused: two routes for one method, with both lines: ${other}`, () => {
    const text = `routes:\n  - { ${one}, function: users }\n\n  - { ${other}, function: shop }\n`;
    refused(text, `routing.yml:4:13: routes.1.path: ${method} `);
    refused(text, "in line 2; expected only one of them");
  });
}

test("G3: not in conflict: ANY beside a method, a parameter beside a greedy one, other methods of one path", () => {
  const paths = ["ANY /a", "GET /a", "PUT /a", "GET /{x}", "GET /{x+}"].map((text) => text.split(" "));
  const lines = paths.map(([method, path]) => `  - { path: "${path}", method: ${method}, function: users }`);
  assert.equal(parse(`routes:\n${lines.join("\n")}\n`).routes.length, 5);
});

test("G3: refused: a path of esb's own", () => {
  refused(
    'routes: [{ path: "/health", method: POST, function: users }]',
    "routing.yml:1:18: routes.0.path: is a path that esb answers itself",
  );
});

test("G3: every mistake is told at once", () => {
  assert.throws(
    () =>
      parse(
        "routes:\n  - { path: a, method: GET, function: nobody }\n  - { path: /health, method: GET, function: users }\n",
      ),
    (error: unknown) => error instanceof ConfigurationError && error.message.split("\n").length === 3,
  );
});
