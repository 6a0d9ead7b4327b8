import assert from "node:assert/strict";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { probeArchive, probeImage } from "../support/images.ts";

/** API Gateway's front door, from a client's request to a real worker and back (G3, G5, G7). */

const names = ["one", "two", "slow", "old", "new"];
const functions = `
defaults: { memory: 256, timeout: 20, concurrency: { max: 1 } }
functions: { ${names.map((name) => `${name}: { image: "${probeImage}" }`).join(", ")} }
`;
const routes = (loaded: string) => `
defaults: { auth: none }
routes:
  - { path: "/one/{id}", method: ANY, function: one, payload: "1.0" }
  - { path: "/two/{id}", method: ANY, function: two, payload: "2.0" }
  - { path: /slow, method: GET, function: slow, payload: "1.0", timeoutMs: 700 }
  - { path: /patient, method: GET, function: slow, payload: "2.0" }
  - { path: /loaded, method: GET, function: ${loaded}, payload: "2.0" }
`;

let esb: TestEsb;
let dir: string;
let routingFile: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "esb-door-"));
  routingFile = join(dir, "routing.yml");
  await writeFile(routingFile, routes("old"));
  const settings = { ESB_ROUTING: routingFile, ESB_FREEZE_AFTER_MS: "2000" };
  esb = await startEsb({ archives: [await probeArchive()], functions, settings });
});
after(async () => {
  await esb?.[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

/** Tells the probe what to do. */
const ask = (path: string, what: object) => fetch(`${esb.url}${path}?do=${encodeURIComponent(JSON.stringify(what))}`);
const start = (response: Response) => response.headers.get("x-esb-start");

for (const path of ["/one", "/two"]) {
  test(`G5: ${path}: cold, warm, then frozen in containerd's own words, then thawed; the event is whole`, async () => {
    const cold = await fetch(`${esb.url}${path}/a%20b?x=1`, { headers: { cookie: "a=1; b=2" } });
    assert.equal(cold.status, 200);
    assert.equal(start(cold), "cold");
    const event = (await cold.json()) as { pathParameters: object; requestContext: { requestId: string } };
    assert.deepEqual(event.pathParameters, { id: "a b" });
    const id = cold.headers.get(path === "/one" ? "x-amzn-requestid" : "apigw-requestid");
    assert.equal(event.requestContext.requestId, id);
    const answer = { statusCode: 202, headers: { "x-mine": "yes" }, body: "12345678901234567890.10" };
    const warm = await ask(`${path}/1`, { op: "respond", answer });
    assert.equal(start(warm), "warm");
    assert.equal(warm.status, 202);
    assert.equal(warm.headers.get("x-mine"), "yes");
    assert.equal(await warm.text(), answer.body);
    await esb.waitForTask(`${path.slice(1)}-0`, "PAUSED");
    const thawed = await fetch(`${esb.url}${path}/1`);
    assert.equal(start(thawed), "thawed");
    assert.equal(thawed.status, 200);
  });

  test(`G5: ${path}: a function's error, what is no answer, and a worker that ends are 502; what follows is served`, async () => {
    const whats = [
      { op: "fail" },
      { op: "respond", answer: { statusCode: "none" } },
      { op: "respond", answer: { statusCode: 200, headers: { "a b": "1" } } },
      { op: "exit", code: 3 },
    ];
    for (const what of whats) {
      const response = await ask(`${path}/1`, what);
      assert.equal(response.status, 502);
      assert.equal(await response.text(), '{"message":"Internal server error"}');
    }
    const next = await fetch(`${esb.url}${path}/1`);
    assert.equal(next.status, 200);
    assert.equal(start(next), "cold");
  });

  test(`G7: ${path}: an event of up to 6 MiB reaches the worker, a larger one is 413`, async () => {
    const body = "x".repeat(5.9 * 2 ** 20);
    const answer = { statusCode: 200, body: "taken" };
    const query = `?do=${encodeURIComponent(JSON.stringify({ op: "respond", answer }))}`;
    const taken = await fetch(`${esb.url}${path}/1${query}`, { method: "POST", body });
    assert.equal(await taken.text(), "taken");
    const refused = await fetch(`${esb.url}${path}/1${query}`, { method: "POST", body: `${body}${body}` });
    assert.equal(refused.status, 413);
  });
}

test("G7: beyond the route's time the client gets 504, and the function runs on with its worker", async () => {
  assert.equal((await ask("/patient", { op: "respond" })).status, 200);
  const { workers: before } = await esb.workers.list({});
  const begun = performance.now();
  const late = await ask("/slow", { op: "respond", ms: 6000 });
  assert.equal(late.status, 504);
  assert.equal(await late.text(), '{"message":"Endpoint request timed out"}');
  assert.ok(performance.now() - begun < 5800, "the client did not wait for the function");
  const next = await ask("/patient", { op: "respond" });
  assert.equal(next.status, 200);
  assert.ok(performance.now() - begun > 5900, "the next request waited for the function to end");
  const { workers: now } = await esb.workers.list({});
  const instance = (list: typeof now) => list.find(({ id }) => id === "slow-0")?.instanceId;
  assert.equal(instance(now), instance(before));
});

test("G3: routing.yml changes under 100 requests a second: each gets the old or the new answer, none fails", async () => {
  await Promise.all(["old", "new"].map(async (name) => esb.invoke(name, { op: "introduce" })));
  const answers: Promise<string>[] = [];
  const seen = async () => {
    const response = await ask("/loaded", { op: "introduce" });
    const body = (await response.json()) as { function?: string };
    return `${response.status} ${body.function}`;
  };
  let waiting = 0;
  const load = setInterval(() => {
    // A machine that cannot serve so many gets as many as it can.
    if (waiting > 20) return;
    waiting += 1;
    answers.push(seen().finally(() => (waiting -= 1)));
  }, 10);
  try {
    for (const name of ["new", "old", "new", "old", "new"]) {
      await delay(400);
      await writeFile(`${routingFile}.tmp`, routes(name));
      await rename(`${routingFile}.tmp`, routingFile);
      const holds = async () => assert.equal(await seen(), `200 ${name}`);
      await until(holds, patienceMs, async (error) => `the file does not hold: ${error}`);
    }
    await until(async () => assert.ok(answers.length > 150), patienceMs);
  } finally {
    clearInterval(load);
  }
  const counts = Object.groupBy(await Promise.all(answers), (answer) => answer);
  assert.deepEqual(Object.keys(counts).sort(), ["200 new", "200 old"]);
});
