import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parseSubnet } from "../../agent/network/subnet.ts";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { callerArchive, callerImage, staticServerArchive, staticServerImage } from "../support/images.ts";
import { freePort, freePorts } from "../support/port.ts";
import { patienceMs, testProcess, untilWhileAlive } from "../support/process.ts";

/** Functions that call functions, with the AWS SDK as it is (L7, W5). */

const functions = `
defaults: { timeout: 20, memory: 512, concurrency: { max: 1 } }
functions:
  caller: { image: "${callerImage}" }
  second: { image: "${callerImage}" }
  early: { image: "${callerImage}", environment: { CALL_AT_START: second } }
  independent: { image: "${callerImage}", environment: { AWS_ACCESS_KEY_ID: mine, AWS_SECRET_ACCESS_KEY: mine } }
  echo: { image: "${staticServerImage}", environment: { ECHO: "1" } }
  awake: { image: "${callerImage}", idle: { freezeAfterMs: -1 } }
  awake-echo: { image: "${staticServerImage}", environment: { ECHO: "1" }, idle: { freezeAfterMs: -1 } }
`;
const apiKey = "worker-calls-test-key";
const port = 8372;
/** Of a second gateway. */
const secondPort = 8373;
const path = "/2015-03-31/functions/echo/invocations";

const root = join(import.meta.dirname, "../..");

let esb: TestEsb;
/** Address of the workers' bridge. */
let host: string;
before(async () => {
  const archives = [await callerArchive(), await staticServerArchive()];
  // Clients are asked who they are: nobody gets in by being on this machine.
  const clients = { ESB_LAMBDA_AUTH: "required", ESB_API_KEY: apiKey, ESB_FREEZE_AFTER_MS: "300" };
  const settings = { ...clients, ESB_WORKER_API_PORTS: `${port},${secondPort}` };
  esb = await startEsb({ archives, functions, settings });
  host = parseSubnet(esb.subnet).gateway;
});
after(() => esb?.[Symbol.asyncDispose]());

interface Told {
  readonly status?: number;
  readonly type?: string | null;
  readonly body?: string;
  readonly error?: string;
  readonly code?: string;
  readonly message?: string;
  readonly payload?: unknown;
}

async function ask<T = Told>(name: string, payload: object, from = esb): Promise<{ answer: T; start: string | null }> {
  const response = await from.invoke(name, payload, { headers: { "x-api-key": apiKey } });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return { answer: JSON.parse(text), start: response.headers.get("x-esb-start") };
}

const call = async (from: string, name: string, payload: object) =>
  (await ask(from, { op: "call", name, payload })).answer;
const environmentOf = async (name: string) => (await ask<Record<string, string>>(name, { op: "env" })).answer;
const tokenOf = async (name: string) => (await environmentOf(name)).AWS_SESSION_TOKEN ?? assert.fail("no token");
/** A request out of the caller's worker. */
const request = async (input: object) => (await ask("caller", { op: "request", body: "{}", ...input })).answer;
const shows = (token: string) => ({ url: `http://${host}:${port}${path}`, headers: { "x-amz-security-token": token } });

async function callsEcho(from = "caller"): Promise<void> {
  const answer = await call(from, "echo", { n: 12 });
  assert.deepEqual(answer, { status: 200, payload: { n: 12 } });
}

const instances = async () =>
  (await esb.workers.list({})).workers.map(({ id, instanceId }) => `${id} ${instanceId}`).sort();

test("L7: a function calls another, and that one a third, by the SDK's own defaults; cold, warm and frozen", async () => {
  await callsEcho();
  await callsEcho();
  const nested = await call("caller", "second", { op: "call", name: "echo", payload: { n: 3 } });
  assert.deepEqual(nested, { status: 200, payload: { status: 200, payload: { n: 3 } } });
  for (const id of ["caller-0", "echo-0"]) await esb.waitForTask(id, "PAUSED");
  await callsEcho();
  const missing = await call("caller", "nobody", {});
  assert.deepEqual([missing.error, missing.status], ["ResourceNotFoundException", 404]);
  const ready = (await (await fetch(`${esb.url}/ready`)).json()) as { workerApi: unknown };
  assert.deepEqual(ready.workerApi, { address: `${host}:${port}` });
});

test("L7: a function may call before it is ready itself", async () => {
  const { answer, start } = await ask("early", { op: "atStart" });
  assert.equal(start, "cold");
  assert.deepEqual(answer, { status: 200, payload: { function: "second" } });
});

test("L7: without its token, with a wrong one or with another worker's, a worker is refused as AWS refuses", async () => {
  const [own, others] = [await tokenOf("caller"), await tokenOf("second")];
  assert.equal((await request(shows(own))).status, 200);
  for (const token of [others, own.slice(1), `${own}A`, "x", own.toUpperCase()]) {
    const { status, type, body } = await request(shows(token));
    assert.deepEqual([status, type], [403, "UnrecognizedClientException"], body);
    assert.deepEqual(JSON.parse(body ?? ""), { message: "The security token included in the request is invalid." });
  }
  const none = await request({ ...shows(""), headers: {} });
  assert.deepEqual([none.status, none.type], [403, "MissingAuthenticationTokenException"]);
  const withKey = await request({ ...shows(""), headers: { "x-api-key": apiKey } });
  assert.equal(withKey.status, 403, "a client's key is nothing here");
});

test("L7: a stolen token is of no use from elsewhere, nor at the clients' port", async () => {
  const token = await tokenOf("caller");
  const headers = { "x-amz-security-token": token };
  const elsewhere = await fetch(`http://${host}:${port}${path}`, { method: "POST", body: "{}", headers });
  assert.equal(elsewhere.status, 403);
  assert.equal(elsewhere.headers.get("x-amzn-errortype"), "UnrecognizedClientException");
  const asClient = await fetch(`${esb.url}${path}`, { method: "POST", body: "{}", headers });
  assert.equal(asClient.status, 403);
});

test("L7: a function with credentials of its own is given none of ours", async () => {
  const environment = await environmentOf("independent");
  assert.equal(environment.AWS_ACCESS_KEY_ID, "mine");
  assert.equal(environment.AWS_SESSION_TOKEN, undefined);
  assert.equal(environment.AWS_ENDPOINT_URL_LAMBDA, undefined);
});

test("W5 L7: of the gateway workers reach Invoke and nothing else; of the host, nothing else", async () => {
  const headers = { "x-amz-security-token": await tokenOf("caller") };
  for (const other of [
    "/ready",
    "/health",
    "/metrics",
    "/user/auth/ver1.0",
    "/openapi.json",
    "/2015-03-31/functions/",
  ]) {
    const { status, type } = await request({ url: `http://${host}:${port}${other}`, headers });
    assert.deepEqual([status, type], [404, "ResourceNotFoundException"], other);
  }
  await using stack = new AsyncDisposableStack();
  const beside = createServer((_, response) => response.end("here"));
  stack.defer(() => void beside.close());
  const besidePort = await freePort();
  await new Promise<void>((resolve) => beside.listen(besidePort, "0.0.0.0", resolve));
  assert.equal(await (await fetch(`http://${host}:${besidePort}`)).text(), "here", "the host itself can");
  const { port: clientsPort } = new URL(esb.url);
  for (const [closed, why] of [
    [`http://${host}:${besidePort}`, "TimeoutError"],
    [`http://${host}:${clientsPort}`, "TimeoutError"],
    [`http://127.0.0.1:${besidePort}`, "ECONNREFUSED"],
    [`http://127.0.0.1:${clientsPort}`, "ECONNREFUSED"],
  ]) {
    const told = await request({ url: closed });
    assert.ok([told.error, told.code].includes(why), `${closed}: ${JSON.stringify(told)}`);
  }
});

test("L7: of a token, containerd's labels, the agent's messages and all logs have the digest at most", async () => {
  const token = await tokenOf("caller");
  const info = JSON.parse(await esb.ctr("containers", "info", "caller-0")) as {
    Labels: Record<string, string>;
    Spec: { process: { env: string[] } };
  };
  assert.match(info.Labels["esb.token-sha256"] ?? "", /^[0-9a-f]{64}$/);
  assert.ok(!JSON.stringify(info.Labels).includes(token));
  assert.ok(info.Spec.process.env.includes(`AWS_SESSION_TOKEN=${token}`));
  const { workers } = await esb.workers.list({});
  const worker = workers.find(({ id }) => id === "caller-0");
  assert.equal(worker?.tokenDigest, info.Labels["esb.token-sha256"]);
  assert.equal(worker?.sourceAddress, info.Labels["esb.source-address"]);
  assert.notEqual(worker?.sourceAddress, worker?.host);
  for (const log of [await esb.agent.log(), await esb.gateway.log()]) assert.ok(!log.includes(token));
});

test("S6 L7: each of two gateways serves its own workers, at a port of its own", async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const environment = {
    ...esb.settings,
    ESB_OWNER: "second",
    ESB_GATEWAY_PORT: new URL(url).port,
    ESB_WORKER_API_PORT: String(secondPort),
  };
  const logPath = join(esb.containerd.dir, "logs/second.log");
  const gateway = testProcess({ args: ["gateway/main.ts"], cwd: root, environment, logPath });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => gateway.stop("SIGTERM"));
  await gateway.start();
  await untilWhileAlive(gateway, async () => assert.ok((await fetch(`${url}/ready`)).ok), patienceMs);
  const response = await fetch(`${url}/2015-03-31/functions/second/invocations`, {
    method: "POST",
    headers: { "x-api-key": apiKey },
    body: JSON.stringify({ op: "call", name: "echo", payload: { n: 2 } }),
  });
  assert.deepEqual(await response.json(), { status: 200, payload: { n: 2 } });
  const ids = (await esb.workers.list({ owner: "second" })).workers.map(({ id }) => id.replace(/\..*/, "")).sort();
  assert.deepEqual(ids, ["echo-0", "second-0"], "its own workers, not those of the first");
  const own = await tokenOf("caller");
  assert.equal((await request(shows(own))).status, 200);
  const strange = await request({ ...shows(own), url: `http://${host}:${secondPort}${path}` });
  assert.deepEqual([strange.status, strange.type], [403, "UnrecognizedClientException"]);
});

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  test(`L7 S1 S4: workers call as before behind a restart of the agent and of the gateway (${signal})`, async () => {
    await callsEcho();
    const before = await instances();
    const ready = () =>
      untilWhileAlive(esb.gateway, async () => assert.ok((await fetch(`${esb.url}/ready`)).ok), patienceMs);
    await esb.agent.stop(signal);
    await esb.agent.start();
    await esb.agentReady();
    await ready();
    await callsEcho();
    await esb.gateway.stop(signal);
    await esb.gateway.start();
    await ready();
    await callsEcho();
    assert.deepEqual(await instances(), before, "with the workers that were there");
  });
}

test("S5 L7: a worker that runs calls one that runs while the agent is away", async () => {
  const callsAwake = async () =>
    assert.deepEqual(await call("awake", "awake-echo", { n: 5 }), { status: 200, payload: { n: 5 } });
  await callsAwake();
  await esb.agent.stop("SIGKILL");
  await callsAwake();
  await esb.agent.start();
  await esb.agentReady();
});

test("L7: the host's own network: by the token alone, at a port on the loopback", async () => {
  const own = await freePorts(10);
  const ports = `${own + 1}-${own + 9}`;
  const settings = { ESB_NETWORK: "host", ESB_HOST_PORTS: ports, ESB_WORKER_API_PORT: String(own) };
  await using other = await startEsb({
    archives: [await callerArchive(), await staticServerArchive()],
    functions,
    settings,
  });
  const { answer } = await ask("caller", { op: "call", name: "echo", payload: { n: 1 } }, other);
  assert.deepEqual(answer, { status: 200, payload: { n: 1 } });
  const url = `http://127.0.0.1:${own}${path}`;
  const headers = { "x-amz-security-token": "x" };
  const refused = await ask("caller", { op: "request", url, headers, body: "{}" }, other);
  assert.deepEqual([refused.answer.status, refused.answer.type], [403, "UnrecognizedClientException"]);
});
