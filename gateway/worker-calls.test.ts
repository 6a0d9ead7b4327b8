import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { freePort } from "../test/support/port.ts";
import { FakeAgent } from "./testing/fake-agent.ts";
import { functionsFile, runGateway } from "./testing/gateway-process.ts";
import { type Harness, send, startHarness, until } from "./testing/harness.ts";

/** Functions that call functions, with a fake agent: what the real parts cannot be brought to do at will (L7). */

const functions = "functions: { outer: { image: x, timeout: 60 }, inner: { image: x, timeout: 60 } }";
const path = (name: string) => `/2015-03-31/functions/${name}/invocations`;

/** Calls a function as a worker does. */
const callAt = (port: number, name: string, token: string | undefined) =>
  send(`http://127.0.0.1:${port}${path(name)}`, "POST", { "x-amz-security-token": token ?? "none" }, "{}");

async function gateway(environment: Record<string, string> = {}): Promise<Harness & { readonly port: number }> {
  const port = await freePort();
  const harness = await startHarness({ ESB_WORKER_API_PORT: String(port), ...environment }, functions);
  await until(async () => (await harness.get("/ready")).body.includes(`"workerApi":{"address":"127.0.0.1:${port}"}`));
  return { ...harness, port };
}

test("L7: with Lambda's API off for clients, workers may call; their calls are counted against no rate", async () => {
  await using t = await gateway({ ESB_LAMBDA_AUTH: "off", ESB_RATE_LIMIT: "1", ESB_RATE_BURST: "2" });
  await t.agent.add("outer", 0, "gateway", true);
  const token = t.agent.tokens.get("outer-0");
  await until(async () => (await callAt(t.port, "inner", token)).status === 200);
  for (let calls = 0; calls < 5; calls++) assert.equal((await callAt(t.port, "inner", token)).status, 200);
  assert.equal((await t.invoke("inner")).status, 403);
  assert.equal((await t.invoke("inner", "{}", { "x-amz-security-token": token ?? "" })).status, 403);
});

test("L7: a worker that is gone is refused, and so is the token of the one before it", async () => {
  await using t = await gateway();
  assert.equal((await t.invoke("outer")).status, 200);
  const former = t.agent.tokens.get("outer-0");
  assert.equal((await callAt(t.port, "inner", former)).status, 200);
  await t.agent.kill("outer-0");
  await until(async () => (await callAt(t.port, "inner", former)).status === 403);
  await until(async () => (await t.invoke("outer")).status === 200);
  const { status, headers } = await callAt(t.port, "inner", former);
  assert.deepEqual([status, headers["x-amzn-errortype"]], [403, "UnrecognizedClientException"]);
  assert.equal((await callAt(t.port, "inner", t.agent.tokens.get("outer-0"))).status, 200);
});

test("L7 W5: workers get Lambda's Invoke and nothing else of the gateway", async () => {
  await using t = await gateway();
  for (const other of ["/health", "/ready", "/metrics", "/docs", "/openapi.json", "/", "/2015-03-31/", "/%zz"]) {
    const { status, headers } = await send(`http://127.0.0.1:${t.port}${other}`, "GET");
    assert.deepEqual([status, headers["x-amzn-errortype"]], [404, "ResourceNotFoundException"], other);
  }
});

test("L7 G7: limits of size and of HTTP hold for workers as for clients", async () => {
  await using t = await gateway();
  assert.equal((await t.invoke("outer")).status, 200);
  const headers = { "x-amz-security-token": t.agent.tokens.get("outer-0") };
  const url = `http://127.0.0.1:${t.port}${path("inner")}`;
  const tooLarge = await send(url, "POST", headers, Buffer.alloc(6 * 2 ** 20 + 1, "1"));
  assert.equal(tooLarge.headers["x-amzn-errortype"], "RequestTooLargeException");
  assert.equal((await send(url, "POST", headers, "{broken")).status, 400);
});

test("L7: the workers' port must not be the clients'", async () => {
  await using file = await functionsFile(functions);
  const port = String(await freePort());
  const variables = { ESB_FUNCTIONS: file.file, ESB_GATEWAY_PORT: port, ESB_WORKER_API_PORT: port };
  await using refused = runGateway(variables);
  assert.equal((await refused.exited)[0], 1);
  assert.match(refused.output.error, /ESB_WORKER_API_PORT=\d+: it must be another than ESB_GATEWAY_PORT/);
});

test("L7: a port that is taken keeps nobody from starting: the log and /ready tell, functions run", async () => {
  await using first = await gateway();
  await using second = await startHarness({ ESB_WORKER_API_PORT: String(first.port) }, functions);
  await until(async () => (await second.get("/ready")).body.includes("EADDRINUSE"));
  assert.equal((await second.get("/ready")).status, 200);
  assert.equal((await second.invoke("outer")).status, 200);
});

test("L7: a worker that was given no token, though it should have been, is told of once", async () => {
  await using file = await functionsFile(functions);
  await using agent = new FakeAgent();
  const port = String(await freePort());
  const variables = { ESB_FUNCTIONS: file.file, ESB_GATEWAY_PORT: port, ESB_AGENT_ADDRESS: await agent.listen() };
  for (const name of ["outer", "inner"]) await agent.add(name);
  await using gateway = runGateway({ ...variables, ESB_WORKER_API_PORT: String(await freePort()) });
  await gateway.logged("agent is there");
  for (const name of ["outer", "inner"]) {
    assert.equal((await send(`http://127.0.0.1:${port}${path(name)}`, "POST", {}, "{}")).status, 200);
  }
  await gateway.logged("cannot call functions: the agent has not given it a token");
  assert.equal(gateway.output.out.split("cannot call functions: the agent").length, 2);
});

test("S4 L7: a gateway that is told to end lets a function that runs call another", async () => {
  await using stack = new AsyncDisposableStack();
  const { file } = stack.use(await functionsFile(functions));
  const agent = stack.use(new FakeAgent());
  const running: ServerResponse[] = [];
  agent.handler = (_request, response, body) => (String(body) === "{}" ? response.end("{}") : running.push(response));
  const [port, workerPort] = [await freePort(), await freePort()];
  const process = stack.use(
    runGateway({
      ESB_FUNCTIONS: file,
      ESB_GATEWAY_PORT: String(port),
      ESB_WORKER_API_PORT: String(workerPort),
      ESB_AGENT_ADDRESS: await agent.listen(),
      ESB_FREEZE_AFTER_MS: "-1",
      ESB_DRAIN_TIMEOUT_MS: "30000",
    }),
  );
  await process.logged("gateway listens for its workers");
  const answer = send(`http://127.0.0.1:${port}${path("outer")}`, "POST", {}, '"runs"');
  await until(() => running.length === 1);
  process.child.kill("SIGTERM");
  await process.logged("gateway stops");
  const fromClient = await send(`http://127.0.0.1:${port}${path("inner")}`, "POST", {}, "{}").catch(() => undefined);
  assert.ok(fromClient === undefined || fromClient.status === 503);
  const nested = await callAt(workerPort, "inner", agent.tokens.get("outer-0"));
  assert.equal(nested.status, 200, nested.body);
  running[0]?.end('"done"');
  assert.equal((await answer).body, '"done"');
  assert.equal((await process.exited)[0], 0);
});
