import assert from "node:assert/strict";
import { readFile, rename, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Worker, WorkerState } from "../../proto/gen/esb/agent/v1/agent.ts";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { probeArchive, probeImage, staticServerArchive, staticServerImage } from "../support/images.ts";
import { killProcess } from "../support/process.ts";
import { assertPrompt, slowness } from "../support/slowness.ts";

/** Pools of many workers on real ones (G4, G6, S1). */

const functionsFile = (version: string) => `
defaults: { timeout: 20, memory: 128 }
functions:
  slow: { image: "${probeImage}", memory: 256, concurrency: { max: 5 }, idle: { freezeAfterMs: 1000 } }
  flood: { image: "${probeImage}", memory: 256, concurrency: { max: 8 }, idle: { destroyAfterMinutes: 0.05 } }
  other: { image: "${staticServerImage}" }
  changing: { image: "${staticServerImage}", concurrency: { max: 3 }, environment: { VERSION: "${version}" } }
  lost: { image: "${staticServerImage}" }
  kept: { image: "${staticServerImage}", concurrency: { min: 1 } }
`;

/** From the kill of a worker to the pool that has lost it. */
const lostWithinMs = 100;

let esb: TestEsb;
before(async () => {
  const archives = [await probeArchive(), await staticServerArchive()];
  esb = await startEsb({ archives, functions: functionsFile("0"), settings: { ESB_FREEZE_AFTER_MS: "5000" } });
});
after(() => esb?.[Symbol.asyncDispose]());

async function workersOf(name: string): Promise<Worker[]> {
  return (await esb.workers.list({})).workers.filter((worker) => worker.function === name);
}

const statesOf = async (name: string) => (await workersOf(name)).map(({ state }) => state).sort();

async function timed(name: string, payload: unknown = {}) {
  const began = performance.now();
  const response = await esb.invoke(name, payload);
  await response.arrayBuffer();
  const timing = [...(response.headers.get("server-timing") ?? "").matchAll(/dur=([\d.]+)/g)];
  const startMs = Math.max(0, ...timing.map(([, ms]) => Number(ms)));
  return {
    status: response.status,
    start: response.headers.get("x-esb-start"),
    startMs,
    ms: performance.now() - began,
  };
}

test("G6: 20 slow requests at once, max 5: five workers, all are answered; one goes on serving, the others freeze", async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => timed("slow", { op: "sleep", ms: 300 })));
  assert.deepEqual(
    answers.map(({ status }) => status),
    Array(20).fill(200),
  );
  const workers = await workersOf("slow");
  assert.deepEqual(workers.map(({ slot }) => slot).sort(), [0, 1, 2, 3, 4]);

  const starts = new Set<string | null>();
  const frozen = Array(4).fill(WorkerState.PAUSED);
  await until(async () => {
    starts.add((await timed("slow", { op: "echo" })).start);
    assert.deepEqual(await statesOf("slow"), [WorkerState.RUNNING, ...frozen]);
  }, patienceMs);
  assert.deepEqual([...starts], ["warm"], "the most recently used one serves, and never freezes");
  // So long that none of them has ended before the last one comes.
  const burst = await Promise.all(Array.from({ length: 5 }, () => timed("slow", { op: "sleep", ms: 1000 })));
  assert.deepEqual(burst.map(({ start }) => start).sort(), ["thawed", "thawed", "thawed", "thawed", "warm"]);
});

test("G6: a flood of one function does not starve another", async () => {
  let flooding = true;
  const flood = Promise.all(Array.from({ length: 40 }, () => timed("flood", { op: "sleep", ms: 1000 }))).then((all) => {
    flooding = false;
    return all;
  });
  await delay(20);
  const other = await timed("other");
  assert.equal(other.status, 200);
  assert.equal(flooding, true);
  assert.ok((await flood).every(({ status }) => status === 200));
  assert.equal((await workersOf("flood")).length, 8);
  await until(async () => assert.deepEqual(await statesOf("flood"), []), patienceMs);
});

test("G4: a function changes under a steady 100 requests/s: none fails, none waits longer than a cold start", async (t) => {
  const before = slowness();
  assert.equal((await timed("changing")).start, "cold");
  const running: Promise<Awaited<ReturnType<typeof timed>>>[] = [];
  const began = performance.now();
  const changes = ["1", "2", "3"];
  for (let sent = 0; sent < 800; sent++) {
    await delay(Math.max(0, began + sent * 10 - performance.now()));
    running.push(timed("changing"));
    const version = sent % 200 === 100 ? changes.shift() : undefined;
    if (version === undefined) continue;
    await writeFile(`${esb.functionsFile}.new`, functionsFile(version));
    await rename(`${esb.functionsFile}.new`, esb.functionsFile);
  }
  const answers = await Promise.all(running);
  assert.ok(answers.every(({ status }) => status === 200));
  assert.ok(answers.filter(({ start }) => start === "cold").length >= 3, "there were new workers");
  const longest = Math.max(...answers.map(({ ms }) => ms));
  // As the agent has measured them, on two cores that serve 100 requests/s beside it.
  const start = Math.max(...answers.map(({ startMs }) => startMs));
  t.diagnostic(`the longest took ${longest} ms, the longest start ${start} ms`);
  assertPrompt(longest, 1.5 * start + 500, before);
  await until(async () => {
    const digests = new Set((await workersOf("changing")).map(({ specDigest }) => specDigest));
    assert.equal(digests.size, 1, "old workers are gone");
  }, patienceMs);
});

async function metricsOf(name: string): Promise<string[]> {
  const text = await (await fetch(`${esb.url}/metrics`)).text();
  return text.split("\n").filter((line) => line.startsWith(`esb_workers{function="${name}"`));
}

/** The shim of a worker: the parent of its first process. */
async function shimOf(worker: Worker | undefined): Promise<number> {
  const status = await readFile(`/proc/${worker?.pid}/status`, "utf8");
  return Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]);
}

for (const victim of ["process", "shim"] as const) {
  test(`G6 S3: a worker's ${victim} is killed: its pool loses it within ${lostWithinMs} ms`, async () => {
    const times: { lookMs: number; lostMs: number }[] = [];
    // Beside what looking at it takes on this machine at this moment.
    const isSoon = ({ lookMs, lostMs }: (typeof times)[number]) => lostMs < lostWithinMs + 5 * lookMs;
    while (times.length < 10 && !times.some(isSoon)) {
      await timed("lost");
      const [worker] = await workersOf("lost");
      const pid = victim === "shim" ? await shimOf(worker) : (worker?.pid ?? 0);
      const looked = performance.now();
      assert.notDeepEqual(await metricsOf("lost"), []);
      const began = performance.now();
      process.kill(pid, "SIGKILL");
      await until(async () => assert.deepEqual(await metricsOf("lost"), []), patienceMs);
      times.push({ lookMs: began - looked, lostMs: performance.now() - began });
      assert.equal((await timed("lost")).start, "cold");
    }
    assert.ok(times.some(isSoon), JSON.stringify(times));
  });

  test(`G6 S3: the ${victim} of a worker of min is killed: another is there before anybody asks`, async () => {
    await until(async () => assert.equal((await workersOf("kept")).length, 1), patienceMs);
    // Where freezing is cgroup v1's, a frozen process does not even die of SIGKILL.
    await timed("kept");
    const [worker] = await workersOf("kept");
    if (victim === "shim") process.kill(await shimOf(worker), "SIGKILL");
    else await killProcess(worker?.pid ?? 0);
    await until(async () => {
      const [next] = await workersOf("kept");
      assert.ok(next !== undefined && next.instanceId !== worker?.instanceId && next.state === WorkerState.RUNNING);
    }, patienceMs);
    assert.equal((await timed("kept")).start, "warm");
  });
}
