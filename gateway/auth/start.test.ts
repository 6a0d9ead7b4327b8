import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { test } from "node:test";
import { freePort } from "../../test/support/port.ts";
import { functionsFile, runGateway } from "../testing/gateway-process.ts";
import { type Harness, send, startHarness, until } from "../testing/harness.ts";
import { startRoutes } from "../testing/routes.ts";

const route = (auth: string) => `routes:\n  - { path: "/who", method: GET, function: hello, auth: ${auth} }\n`;
const production = { ESB_MODE: "production", ESB_LAMBDA_AUTH: "off" };
const secret = "a secret of thirty-two characters and more";

async function refusal(start: Promise<Harness>): Promise<string> {
  try {
    await using _harness = await start;
  } catch (error) {
    assert.ok(error instanceof Error && error.name === "ConfigurationError", String(error));
    assert.ok(!error.message.includes(secret));
    return error.message;
  }
  throw new assert.AssertionError({ message: "it has started" });
}

for (const [what, auth, settings, expected] of [
  [
    "a route with tokens and nothing to make them",
    "jwt",
    {},
    /routing\.yml:2:\d+: routes\.0\.auth: jwt needs tokens.*ESB_JWT_KEYS.*ESB_AUTH_USER.*ESB_API_KEY/,
  ],
  [
    "a route with tokens and no user",
    "jwt",
    { ESB_JWT_SECRET: secret, ESB_API_KEY: "a-key-of-production" },
    /not a user: set ESB_AUTH_USER/,
  ],
  ["a route with API keys and none", "api-key", {}, /routes\.0\.auth: api-key needs an API key.*ESB_API_KEY/],
  [
    "Lambda's path without credentials",
    "none",
    { ESB_LAMBDA_AUTH: "auto" },
    /^ESB_LAMBDA_AUTH=auto: .*ESB_AWS_ACCESS_KEY_ID.*ESB_LAMBDA_AUTH=open/,
  ],
  [
    "development where others can reach it",
    "none",
    { ESB_MODE: "development", ESB_GATEWAY_HOST: "0.0.0.0", ESB_LAMBDA_AUTH: "auto" },
    /^ESB_LAMBDA_AUTH=auto: /,
  ],
  [
    "an issuer whose keys would come without TLS",
    "none",
    { ESB_JWT_EXTERNAL_ISSUER: "http://id.example/pool", ESB_JWT_EXTERNAL_AUDIENCE: "a" },
    /^ESB_JWT_EXTERNAL_ISSUER=http:\/\/id\.example\/pool: .* without TLS; expected https/,
  ],
  [
    "keys of an issuer without TLS",
    "none",
    {
      ESB_JWT_EXTERNAL_ISSUER: "https://id.example/pool",
      ESB_JWT_EXTERNAL_AUDIENCE: "a",
      ESB_JWT_EXTERNAL_JWKS: "http://10.0.0.1/keys",
    },
    /^ESB_JWT_EXTERNAL_JWKS=http:\/\/10\.0\.0\.1\/keys: .* without TLS/,
  ],
  [
    "a key twice over",
    "none",
    { ESB_JWT_SECRET: secret, ESB_JWT_KEYS: "/nowhere" },
    /ESB_JWT_KEYS and ESB_JWT_SECRET are both set/,
  ],
  [
    "the well-known key where others can reach it",
    "none",
    { ESB_MODE: "development", ESB_GATEWAY_HOST: "0.0.0.0", ESB_API_KEY: "esb-development-key" },
    /the API key esb-development-key: everybody knows it/,
  ],
  [
    "the well-known password",
    "none",
    { ESB_AUTH_USER: "admin", ESB_AUTH_PASSWORD: "developer" },
    /the password of admin: everybody knows it/,
  ],
  ["keys that are not there", "none", { ESB_JWT_KEYS: "/nowhere/keys.json" }, /^\/nowhere\/keys\.json: cannot be read/],
  [
    "a credentials file that is not there",
    "none",
    { ESB_AUTH_FILE: "/nowhere/auth.yml" },
    /^ESB_AUTH_FILE: \/nowhere\/auth\.yml: cannot be read/,
  ],
  [
    "an issuer elsewhere without an audience",
    "none",
    { ESB_JWT_EXTERNAL_ISSUER: "https://a.example" },
    /ESB_JWT_EXTERNAL_AUDIENCE is not/,
  ],
  ["an audience without an issuer", "none", { ESB_JWT_EXTERNAL_AUDIENCE: "a" }, /ESB_JWT_EXTERNAL_ISSUER is not/],
  [
    "an issuer elsewhere that has our name",
    "none",
    {
      ESB_JWT_SECRET: secret,
      ESB_JWT_ISSUER: "https://a.example",
      ESB_JWT_EXTERNAL_ISSUER: "https://a.example",
      ESB_JWT_EXTERNAL_AUDIENCE: "a",
    },
    /are the same/,
  ],
] satisfies [string, string, Record<string, string>, RegExp][]) {
  test(`G2: production does not start, and says what to set: ${what}`, async () => {
    assert.match(await refusal(startRoutes(route(auth), { ...production, ...settings })), expected);
  });
}

test("G2: production with all that is needed starts, and knows no well-known values", async () => {
  await using harness = await startRoutes(route("jwt"), {
    ...production,
    ESB_LAMBDA_AUTH: "auto",
    ESB_JWT_SECRET: secret,
    ESB_API_KEY: "a-key-of-production",
    ESB_AUTH_USER: "ada",
    ESB_AUTH_PASSWORD: "swordfish",
  });
  const signIn = (key: string, USERNAME: string, PASSWORD: string) =>
    send(
      `${harness.url}/user/auth/ver1.0`,
      "POST",
      { "x-api-key": key },
      JSON.stringify({ AuthParameters: { USERNAME, PASSWORD } }),
    );
  assert.equal((await signIn("a-key-of-production", "ada", "swordfish")).status, 200);
  assert.equal((await signIn("esb-development-key", "ada", "swordfish")).status, 401);
  assert.equal((await signIn("a-key-of-production", "developer", "developer")).status, 401);
  const lambda = await harness.invoke("hello");
  assert.deepEqual([lambda.status, lambda.headers["x-amzn-errortype"]], [403, "MissingAuthenticationTokenException"]);
});

test("G2: a routing.yml that comes to need what nobody has is refused, and the last good one holds", async () => {
  await using harness = await startRoutes(route("none"), production);
  await writeFile(harness.routingFile, route("jwt"));
  const status = async () => JSON.parse((await harness.get("/ready")).body).routing;
  await until(async () => (await status()).error !== undefined);
  assert.match((await status()).error, /routing\.yml:2:\d+: not right/);
  assert.equal((await harness.request("GET", "/who")).status, 200);
});

test("G2: development says in its log that its secrets are known", async () => {
  await using files = await functionsFile("functions: { hello: { image: x } }");
  const port = String(await freePort());
  const agent = { ESB_AGENT_ADDRESS: `unix://${files.file}.sock`, ESB_FUNCTIONS: files.file };
  await using gateway = runGateway({ ...agent, ESB_GATEWAY_PORT: port });
  await gateway.logged("gateway listens");
  const warnings = gateway.output.out.split("\n").filter((line) => line.includes("have well-known values"));
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /"level":"warn".*the API key esb-development-key.*the user developer/);
});

test("L7: Lambda's path closed, open, and in development open to this machine but not to other sites' pages", async () => {
  await using closed = await startHarness({ ESB_LAMBDA_AUTH: "off" });
  const refused = await closed.invoke("hello");
  assert.deepEqual([refused.status, refused.headers["x-amzn-errortype"]], [403, "AccessDeniedException"]);
  await using open = await startHarness({ ESB_MODE: "production", ESB_LAMBDA_AUTH: "open" });
  assert.equal((await open.invoke("hello")).status, 200);
  await using development = await startHarness();
  assert.equal((await development.invoke("hello")).status, 200);
  assert.equal((await development.invoke("hello", "{}", { origin: "https://evil.example" })).status, 403);
});

test("L7: Lambda's path asks for credentials however it is spelt, and says so in Lambda's words", async () => {
  await using harness = await startHarness({ ESB_LAMBDA_AUTH: "required" });
  const answer = await send(`${harness.url}/%32015-03-31/functions/hello/invocations`, "POST", {}, "{}");
  assert.deepEqual([answer.status, answer.headers["x-amzn-errortype"]], [403, "MissingAuthenticationTokenException"]);
});

test("L7: who may not call is refused before the event is read", async () => {
  await using harness = await startHarness({ ESB_LAMBDA_AUTH: "required" });
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect(Number(new URL(harness.url).port), "127.0.0.1");
  socket.setEncoding("utf8").on("data", resolve);
  socket.write("POST /2015-03-31/functions/hello/invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 6000000\r\n\r\n");
  assert.match(await promise, /^HTTP\/1\.1 403 /);
  socket.destroy();
});
