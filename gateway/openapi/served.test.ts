import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { complies, problemsOf, type ReadDocument } from "../../test/support/openapi.ts";
import { until } from "../testing/harness.ts";
import { type RoutesHarness, startRoutes } from "../testing/routes.ts";

const oneRoute = (path: string) =>
  `routes: [{ path: ${path}, method: GET, function: hello, auth: none, summary: "It's one" }]`;

async function read(gateway: RoutesHarness, headers: Record<string, string> = {}, path = "/openapi.json") {
  const answer = await gateway.request("GET", path, headers);
  assert.equal(answer.status, 200);
  assert.match(String(answer.headers["content-type"]), /^application\/json/);
  return JSON.parse(answer.body) as ReadDocument;
}

test("G1, G3: /openapi.json is OpenAPI 3.1 and follows routing.yml", async () => {
  await using gateway = await startRoutes(oneRoute("/before"));
  const before = await read(gateway);
  assert.deepEqual(problemsOf(before), []);
  assert.equal(before.paths["/before"]?.get?.summary, "It's one");
  await writeFile(gateway.routingFile, oneRoute("/after"));
  await until(async () => "/after" in (await read(gateway)).paths);
  const after = await read(gateway);
  assert.ok(!("/before" in after.paths));
  assert.deepEqual(problemsOf(after), []);
  await writeFile(gateway.routingFile, "routes: [");
  await until(async () => /error/.test(JSON.stringify(JSON.parse((await gateway.get("/ready")).body).routing)));
  assert.deepEqual(await read(gateway), after);
});

test("G3: the server of the document is the one that the reader asked", async () => {
  const serverOf = async (gateway: RoutesHarness, headers?: Record<string, string>) =>
    (await read(gateway, headers)).servers?.map(({ url }) => url);
  await using gateway = await startRoutes("routes: []", { ESB_TRUSTED_PROXIES: "127.0.0.1" });
  assert.deepEqual(await serverOf(gateway), [gateway.url]);
  assert.deepEqual(await serverOf(gateway, { host: "api.example.com" }), ["http://api.example.com"]);
  const forwarded = { host: "api.example.com", "x-forwarded-proto": "https" };
  assert.deepEqual(await serverOf(gateway, forwarded), ["https://api.example.com"]);
  await using secure = await startRoutes("routes: []", { ESB_TLS: "on" });
  assert.deepEqual(await serverOf(secure), [secure.url]);
  assert.match(secure.url, /^https:/);
  // The page's own, for which it is where the page came from.
  assert.equal((await read(gateway, {}, "/docs/json")).servers, undefined);
});

test("G1, G2, L1: esb's own answers are as the document says", async () => {
  await using gateway = await startRoutes("routes: []", { ESB_LAMBDA_AUTH: "required" });
  const document = await read(gateway);
  const signIn = (headers: Record<string, string>, parameters: object) =>
    gateway.request("POST", "/user/auth/ver1.0", headers, JSON.stringify({ AuthParameters: parameters }));
  const key = { "x-api-key": "esb-development-key" };
  const answers = [
    { path: "/health", method: "get", answer: await gateway.get("/health") },
    { path: "/ready", method: "get", answer: await gateway.get("/ready") },
    { path: "/.well-known/jwks.json", method: "get", answer: await gateway.get("/.well-known/jwks.json") },
    ...[
      await signIn(key, { USERNAME: "developer", PASSWORD: "developer" }),
      await signIn({}, {}),
      await signIn(key, {}),
    ].map((answer) => ({ path: "/user/auth/ver1.0", method: "post", answer })),
  ];
  assert.deepEqual(
    answers.map(({ answer }) => answer.status),
    [200, 200, 200, 200, 401, 400],
  );
  for (const { path, method, answer } of answers) {
    const at = `/paths/${path.replaceAll("/", "~1")}/${method}/responses/${answer.status}/content/application~1json/schema`;
    assert.ok(complies(document, at, JSON.parse(answer.body)), `${path} ${answer.status}: ${answer.body}`);
  }
  // The schema that checks the request is the one that is shown.
  const body = "/paths/~1user~1auth~1ver1.0/post/requestBody/content/application~1json/schema";
  assert.ok(complies(document, body, { AuthParameters: { USERNAME: "a", PASSWORD: "b" }, AuthFlow: "x" }));
  assert.ok(!complies(document, body, { AuthParameters: { USERNAME: "a", PASSWORD: "" } }));

  for (const headers of [{}, key]) {
    const refused = await gateway.invoke("nobody", "{}", headers);
    assert.ok([403, 404].includes(refused.status));
    const at = `/components/responses/Lambda${refused.status}`;
    assert.ok(complies(document, `${at}/content/application~1json/schema`, JSON.parse(refused.body)), refused.body);
    const name = refused.headers["x-amzn-errortype"];
    assert.ok(complies(document, `${at}/headers/x-amzn-errortype/schema`, name), String(name));
  }
});

test("G3, L1, L5: every operation of Lambda's that the document names is there", async () => {
  await using gateway = await startRoutes("routes: []");
  const { paths } = await read(gateway);
  const ofLambda = Object.entries(paths).filter(([path]) => path.startsWith("/20"));
  assert.equal(ofLambda.length, 3);
  for (const [path, { post }] of ofLambda) {
    const dryRun = { "x-amz-invocation-type": "DryRun" };
    const { status } = await gateway.request("POST", path.replace("{name}", "hello"), dryRun, "{}");
    assert.ok([202, 204].includes(status) && status in (post?.responses ?? {}), `${path} answered ${status}`);
  }
});

test("D4: neither the document nor the page tells a secret or how esb is set up", async () => {
  const dir = await mkdtemp(join(tmpdir(), "esb-secrets-"));
  try {
    const secrets = {
      ESB_API_KEY: "a-key-that-nobody-knows",
      ESB_AUTH_USER: "somebody-special",
      ESB_AUTH_PASSWORD: "a-word-that-nobody-knows",
      ESB_JWT_SECRET: "a-secret-of-thirty-two-letters-or-more",
      ESB_AWS_ACCESS_KEY_ID: "AKIDNOBODYKNOWS1",
      ESB_AWS_SECRET_ACCESS_KEY: "an-access-key-nobody-knows",
      ESB_STATE_DIR: join(dir, "state-of-esb"),
    };
    await using gateway = await startRoutes(oneRoute("/one"), { ...secrets, ESB_MODE: "production" });
    for (const path of ["/openapi.json", "/docs/json", "/docs", "/docs/static/swagger-initializer.js"]) {
      const { status, body } = await gateway.request("GET", path);
      assert.equal(status, 200);
      for (const told of [...Object.values(secrets), gateway.file, gateway.routingFile, "hello"]) {
        assert.ok(!body.includes(told), `${path} tells ${told}`);
      }
    }
  } finally {
    await rm(dir, { recursive: true });
  }
});

test("G3: ESB_API_DOCS=off: neither is there", async () => {
  await using gateway = await startRoutes("routes: []", { ESB_API_DOCS: "off" });
  for (const path of ["/openapi.json", "/docs", "/docs/json", "/docs/static/swagger-ui.css"]) {
    const { status, body } = await gateway.request("GET", path);
    assert.deepEqual([status, body], [403, '{"message":"Missing Authentication Token"}']);
  }
});
