import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Page } from "puppeteer-core";
import { type RoutesHarness, startRoutes } from "../../gateway/testing/routes.ts";
import { startBrowser, type TestBrowser } from "../support/browser.ts";
import { readDocs } from "../support/docs-page.ts";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { probeArchive, probeImage } from "../support/images.ts";
import { fetchIn, startOrigin, watchPreflights } from "../support/page.ts";

/** What browsers make of the gateway: pages of other origins, and `/docs` (G2, G3, G5). */

const functions = `
defaults: { memory: 256, timeout: 20, concurrency: { max: 1 } }
functions: { open: { image: "${probeImage}" }, closed: { image: "${probeImage}" } }
`;
const routes = (origin: string) => `
defaults:
  cors: { allowOrigins: ["${origin}"], allowHeaders: [authorization, x-mine], exposeHeaders: [x-told], allowCredentials: true }
routes:
  - { path: "/one/{id}", method: [GET, POST], function: open, payload: "1.0", summary: One thing }
  - { path: "/two/{id}", method: [GET, POST], function: open, payload: "2.0", summary: Another thing, auth: api-key }
  - { path: "/three/{id}", method: [GET, POST], function: open, payload: "2.0" }
  - { path: /none, method: [GET, POST], function: closed, cors: false }
  - { path: /others, method: [GET, POST], function: closed, cors: { allowOrigins: ["https://example.com"] } }
  - { path: /headers, method: GET, function: closed, cors: { allowHeaders: [authorization], allowCredentials: false } }
`;

const setUp = new AsyncDisposableStack();
let esb: TestEsb;
let secure: RoutesHarness;
let browser: TestBrowser["browser"];
let page: Page;
let token: string;
before(async () => {
  const { origin } = setUp.use(await startOrigin());
  const dir = await mkdtemp(join(tmpdir(), "esb-pages-"));
  setUp.defer(() => rm(dir, { recursive: true, force: true }));
  const routing = join(dir, "routing.yml");
  await writeFile(routing, routes(origin));
  esb = setUp.use(await startEsb({ archives: [await probeArchive()], functions, settings: { ESB_ROUTING: routing } }));
  const signedIn = await fetch(`${esb.url}/user/auth/ver1.0`, {
    method: "POST",
    headers: { "x-api-key": "esb-development-key" },
    body: JSON.stringify({ AuthParameters: { USERNAME: "developer", PASSWORD: "developer" } }),
  });
  token = ((await signedIn.json()) as { AuthenticationResult: { IdToken: string } }).AuthenticationResult.IdToken;
  secure = setUp.use(
    await startRoutes(
      'routes: [{ path: "/shop/{proxy+}", method: ANY, function: hello, summary: The shop, payload: "2.0" }]',
      { ESB_TLS: "on" },
    ),
  );
  const ports = [origin, esb.url, secure.url].map((url) => Number(new URL(url).port));
  ({ browser } = setUp.use(await startBrowser(ports)));
  page = await browser.newPage();
  await page.goto(origin);
});
after(() => setUp.disposeAsync());

const doing = (answer: object) => `do=${encodeURIComponent(JSON.stringify({ op: "respond", answer }))}`;

for (const { path, cookie } of [
  { path: "/one/1", cookie: { multiValueHeaders: { "set-cookie": ["first=1; HttpOnly; Path=/one"] } } },
  { path: "/three/1", cookie: { cookies: ["first=1; HttpOnly; Path=/three"] } },
]) {
  test(`G3: ${path}: a page of an allowed origin calls a function with preflight, token and cookies`, async () => {
    const preflights = await watchPreflights(page);
    const init: RequestInit = {
      method: "POST",
      headers: { authorization: token, "x-mine": "mine" },
      credentials: "include",
      body: "12345678901234567890",
    };
    const answer = { statusCode: 201, headers: { "x-told": "told", "x-untold": "untold" }, body: "made", ...cookie };
    const made = await fetchIn(page, `${esb.url}${path}?${doing(answer)}`, init);
    assert.ok("status" in made, JSON.stringify(made));
    assert.deepEqual([made.status, made.body, made.headers["x-told"]], [201, "made", "told"]);
    assert.equal(made.headers["x-untold"], undefined);

    const asked = await fetchIn(page, `${esb.url}${path}`, init);
    assert.ok("status" in asked, JSON.stringify(asked));
    const { headers, cookies, body } = JSON.parse(asked.body);
    const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    assert.equal(lower["x-mine"], "mine");
    assert.equal(lower.origin, new URL(page.url()).origin);
    // 2.0 has cookies beside the headers.
    assert.equal(cookies?.join() ?? lower.cookie, "first=1");
    assert.equal(body, init.body);
    // None has come to the function: it would have answered 200.
    assert.deepEqual(
      preflights,
      [made, asked].map(({ url }) => `204 ${url}`),
    );
  });
}

test("G2, G3: a page can read why it is refused", async () => {
  const cases = [
    { path: "/one/1", headers: {}, status: 401, message: "Unauthorized" },
    { path: "/three/1", headers: { authorization: `${token}x` }, status: 401, message: "Unauthorized" },
    { path: "/two/1", headers: {}, status: 403, message: "Forbidden" },
    { path: "/nowhere", headers: { authorization: token }, status: 403, message: "Missing Authentication Token" },
  ];
  for (const { path, headers, status, message } of cases) {
    const seen = await fetchIn(page, `${esb.url}${path}`, { headers, credentials: "include" });
    assert.ok("status" in seen, `${path}: ${JSON.stringify(seen)}`);
    assert.deepEqual([seen.status, JSON.parse(seen.body)], [status, { message }]);
  }
});

test("G3: what CORS does not allow is blocked by the browser, and no function hears of it", async () => {
  const cases = [
    { path: "/none", init: { headers: { authorization: token } } },
    { path: "/none", init: { method: "POST", headers: { authorization: token }, body: "x" } },
    { path: "/others", init: { headers: { authorization: token } } },
    { path: "/headers", init: { headers: { authorization: token, "x-mine": "mine" } } },
    { path: "/headers", init: { credentials: "include" as const } },
  ];
  for (const { path, init } of cases) {
    assert.deepEqual(await fetchIn(page, `${esb.url}${path}`, init), { blocked: "TypeError: Failed to fetch" }, path);
  }
  const { workers } = await esb.workers.list({});
  assert.deepEqual(workers.map(({ id }) => id).sort(), ["open-0"]);
});

test("G3: /docs shows the routes; its try-it gets the functions' answers with token and API key", async () => {
  const reader = await readDocs(await browser.newPage(), esb.url);
  await reader.authorize("token", token);
  await reader.authorize("apiKey", "esb-development-key");
  for (const [path, id] of [
    ["/one/{id}", "a b"],
    ["/two/{id}", "é"],
  ] as const) {
    const { status, body } = await reader.tryIt("get", path, id);
    assert.equal(status, "200");
    assert.deepEqual(JSON.parse(body).pathParameters, { id });
  }
  assert.deepEqual(reader.complaints, []);
  assert.deepEqual([...reader.origins], [esb.url]);
});

test("G3, G7: /docs over TLS and HTTP/2; what a route refuses is shown", async () => {
  const docs = await browser.newPage();
  const reader = await readDocs(docs, secure.url);
  assert.equal(await docs.evaluate('performance.getEntriesByType("navigation")[0].nextHopProtocol'), "h2");
  assert.deepEqual(reader.complaints, []);
  const refused = await reader.tryIt("get", "/shop/{proxy+}", "a/b");
  assert.deepEqual([refused.status, JSON.parse(refused.body)], ["401", { message: "Unauthorized" }]);
  assert.deepEqual([...reader.origins], [secure.url]);
});
