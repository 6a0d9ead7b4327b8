import assert from "node:assert/strict";
import { readFile, rename, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { probeArchive, probeImage, staticServerArchive, staticServerImage } from "../support/images.ts";
import { assertPrompt } from "../support/slowness.ts";

/** The main job, from a client's request to a real worker and back (G1, G4, L1, W7). */

const functionsFile = `
defaults: { timeout: 20, memory: 256, concurrency: { max: 1 }, environment: { LOG_LEVEL: "\${LOG_LEVEL}" } }
functions:
  probe: { image: "${probeImage}", memory: 512, environment: { GREETING: hello } }
  slow: { image: "${probeImage}", memory: 512, timeout: 3 }
  echo: { image: "${staticServerImage}", environment: { ECHO: "1" }, idle: { freezeAfterMs: -1 } }
  freeze: { image: "${staticServerImage}", idle: { freezeAfterMs: 3000 } }
  edge: { image: "${staticServerImage}", idle: { freezeAfterMs: 300 } }
  broken: { image: "${staticServerImage}", command: ["/nope"] }
  missing: { image: "localhost/nowhere:1" }
`;

let esb: TestEsb;

before(async () => {
  const archives = [await probeArchive(), await staticServerArchive()];
  esb = await startEsb({ archives, functions: functionsFile });
});
after(() => esb?.[Symbol.asyncDispose]());

async function json(name: string, payload: unknown) {
  const response = await esb.invoke(name, payload);
  return {
    response,
    start: response.headers.get("x-esb-start"),
    body: (await response.json()) as Record<string, string | number>,
  };
}

const ready = async () => {
  const response = await fetch(`${esb.url}/ready`);
  return { status: response.status, text: await response.text() };
};

test("L1 W7: cold, then warm, then frozen in containerd's own words, then thawed", async () => {
  const cold = await json("freeze", {});
  assert.equal(cold.response.status, 200);
  assert.equal(cold.start, "cold");
  assert.match(cold.response.headers.get("server-timing") ?? "", /create;dur=[\d.]+/);
  assert.equal((await json("freeze", {})).start, "warm");
  assert.equal(await esb.taskState("freeze-0"), "RUNNING");
  await esb.waitForTask("freeze-0", "PAUSED");
  const thawed = await json("freeze", {});
  assert.equal(thawed.start, "thawed");
  assert.deepEqual(thawed.body, { ok: true });
});

test("L1: the environment and the function's name arrive in the worker", async () => {
  const { body } = await json("probe", { op: "env" });
  assert.equal(body.GREETING, "hello");
  assert.equal(body.LOG_LEVEL, "info");
  assert.equal(body.AWS_LAMBDA_FUNCTION_NAME, "probe");
  assert.equal(body.AWS_LAMBDA_FUNCTION_MEMORY_SIZE, "512");
});

test("L1: bytes go through as they are, digits and spaces too, up to 6 MiB, and not one more", async () => {
  const number = '{ "big" : 12345678901234567890.10, "text":"ä\\u0000" }';
  const echoed = await esb.invoke("echo", undefined, { body: number });
  assert.equal(await echoed.text(), number);

  const largest = `"${"x".repeat(6 * 2 ** 20 - 2)}"`;
  const large = await esb.invoke("echo", undefined, { body: largest });
  assert.equal(large.status, 200);
  assert.equal((await large.text()).length, largest.length);

  const tooLarge = await esb.invoke("echo", undefined, { body: `${largest} ` });
  assert.equal(tooLarge.status, 413);
  assert.equal(tooLarge.headers.get("x-amzn-errortype"), "RequestTooLargeException");
});

test("L1: a large answer reaches a slow reader whole", async () => {
  for (const chunked of [false, true]) {
    const response = await esb.invoke("probe", { op: "big", bytes: 5 * 2 ** 20, chunked });
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes < 2 ** 20) await delay(5);
    }
    assert.equal(bytes, 5 * 2 ** 20);
  }
});

test("L2: a function over its time is answered as Lambda does, and never runs on behind the next request", async () => {
  const first = await json("slow", { op: "env" });
  assert.equal(first.response.status, 200);
  const { workers: before } = await esb.workers.list({});
  const over = await json("slow", { op: "sleep", ms: 10_000 });
  assert.equal(over.response.status, 200);
  assert.equal(over.response.headers.get("x-amz-function-error"), "Unhandled");
  assert.match(String(over.body.errorMessage), /Task timed out after 3\.00 seconds/);
  const next = await json("slow", { op: "env" });
  assert.equal(next.start, "cold");
  const { workers: now } = await esb.workers.list({});
  const instance = (list: typeof now) => list.find(({ id }) => id === "slow-0")?.instanceId;
  assert.notEqual(instance(now), instance(before));
});

test("a worker that ends in the middle of a request is told of and replaced", async () => {
  const died = await json("probe", { op: "exit", code: 3 });
  assert.equal(died.response.status, 200);
  assert.equal(died.response.headers.get("x-amz-function-error"), "Unhandled");
  assert.match(String(died.body.errorType), /Runtime\./);
  assert.equal((await json("probe", { op: "echo", n: 1 })).response.status, 200);
});

test("a client that goes away does not take the worker from the function before it has ended", async () => {
  await json("probe", { op: "env" });
  const { hostname, port } = new URL(esb.url);
  const leaving = httpRequest({ hostname, port, method: "POST", path: "/2015-03-31/functions/probe/invocations" });
  leaving.on("error", () => undefined);
  const closed = new Promise((resolve) => leaving.once("close", resolve));
  leaving.end(JSON.stringify({ op: "sleep", ms: 4000 }));
  await until(async () => {
    const metrics = await (await fetch(`${esb.url}/metrics`)).text();
    assert.match(metrics, /^esb_workers\{function="probe",state="busy"\} 1$/m);
  }, patienceMs);
  leaving.destroy();
  await closed;
  const begun = performance.now();
  const next = await json("probe", { op: "echo", n: 2 });
  assert.equal(next.response.status, 200);
  assert.ok(performance.now() - begun > 500, "the next request waited for the function to end");
});

test("W7: requests that meet the freeze half-way are answered, every one of them", async () => {
  for (let round = 0; round < 40; round += 1) {
    const { response } = await json("edge", {});
    assert.equal(response.status, 200);
    // Around the moment of the freeze, a little earlier and later each time.
    await delay(295 + (round % 20));
  }
});

test("requests that come at once are served one after the other by the one worker", async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => json("probe", { op: "echo", n })));
  assert.deepEqual(
    answers.map(({ body }) => body.n),
    answers.map((_, n) => n),
  );
});

test("bad input is refused in Lambda's shape before anything is touched", async () => {
  const cases: [name: string, body: string, status: number, type: string][] = [
    ["nobody", "{}", 404, "ResourceNotFoundException"],
    ["echo", "{broken", 400, "InvalidRequestContentException"],
    ["..%2f..%2fetc", "{}", 400, "ValidationException"],
    ["a%00b", "{}", 400, "ValidationException"],
    ["x".repeat(65), "{}", 400, "ValidationException"],
  ];
  for (const [name, body, status, type] of cases) {
    const response = await esb.invoke(name, undefined, { body });
    const text = await response.text();
    assert.equal(response.status, status, `${name}: ${text}`);
    assert.equal(response.headers.get("x-amzn-errortype"), type, name);
    assert.ok(JSON.parse(text));
  }
});

test("a function that cannot start says why, and leaves nothing", async () => {
  const broken = await esb.invoke("broken");
  assert.equal(broken.status, 502);
  assert.match(await broken.text(), /\/nope/);
  const missing = await esb.invoke("missing");
  assert.equal(missing.status, 502);
  assert.match(await missing.text(), /localhost\/nowhere:1/);
  const containers = await esb.ctr("containers", "ls", "-q");
  assert.doesNotMatch(containers, /broken|missing/);
});

test("G4: a function added to the file is there without a restart; a broken file keeps the last good one", async () => {
  const text = await readFile(esb.functionsFile, "utf8");
  await writeFile(`${esb.functionsFile}.new`, `${text}  mine: { image: "${staticServerImage}", timeout: 3 }\n`);
  await rename(`${esb.functionsFile}.new`, esb.functionsFile);
  const answers = async (name: string) => {
    const response = await esb.invoke(name);
    assert.equal(response.status, 200, await response.text());
  };
  await until(
    () => answers("mine"),
    patienceMs,
    async (error) => `mine does not answer: ${error}`,
  );

  await writeFile(esb.functionsFile, `${text}  other: { image: 5, memory: 1 }\n`);
  const showsError = async () => assert.match((await ready()).text, /functions\.yml:\d+:\d+/);
  await until(showsError, patienceMs, async (error) => `/ready does not show the broken file: ${error}`);
  await answers("mine");
  await writeFile(esb.functionsFile, text);
  const gone = async () => assert.equal((await esb.invoke("mine")).status, 404);
  await until(gone, patienceMs, async (error) => `mine is still there: ${error}`);
});

test("S5: with the agent away warm functions are served, others are told at once, and all works again after", async () => {
  await json("freeze", {});
  await json("echo", {});
  await esb.agent.stop("SIGKILL");
  const warm = await esb.invoke("echo");
  assert.equal(warm.status, 200);
  const unready = async () => assert.equal((await ready()).status, 503);
  await until(unready, patienceMs, async (error) => `/ready does not notice: ${error}`);
  assert.match((await ready()).text, /"agent":\{"available":false/);
  const begun = performance.now();
  const cold = await esb.invoke("slow", { op: "env" });
  assert.ok([200, 503].includes(cold.status));
  if (cold.status === 503) assert.ok(cold.headers.get("retry-after"));
  assertPrompt(performance.now() - begun, 2000);
  await esb.agent.start();
  const serves = async () => assert.equal((await esb.invoke("slow", { op: "env" })).status, 200);
  await until(serves, patienceMs, async (error) => `does not work again: ${error}`);
  const isReady = async () => assert.equal((await ready()).status, 200);
  await until(isReady, patienceMs, async (error) => `not ready again: ${error}`);
});

test("S1 S4: after a restart of the gateway the worker is still warm", async () => {
  await json("echo", {});
  await esb.gateway.stop("SIGTERM");
  await esb.gateway.start();
  const answers = async () => assert.equal((await ready()).status, 200);
  await until(answers, patienceMs, async (error) => `not ready: ${error}`);
  assert.notEqual((await json("echo", {})).start, "cold");
});
