import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { watchFrozen } from "../support/freezer.ts";
import { probeArchive, probeImage, staticServerArchive, staticServerImage } from "../support/images.ts";
import { untilWhileAlive } from "../support/process.ts";
import { failuresOf, one, type SteadyAnswer } from "../support/steady.ts";

/** A gateway ends in the middle of invocations: their workers get no other request while they work (G6, S4). */

const run = promisify(execFile);
const functions = `
defaults: { timeout: 90, memory: 128, idle: { freezeAfterMs: -1 } }
functions:
  slow: { image: "${probeImage}", memory: 512, concurrency: { max: 2 } }
  idle: { image: "${staticServerImage}" }
  frozen: { image: "${staticServerImage}", idle: { freezeAfterMs: 0 } }
`;
/** Longer than all that comes after it. */
const longMs = 60_000;
/** A machine that has no time to spare takes long to start a process. */
const startsWithinMs = 60_000;

let esb: TestEsb;
let runDir: string;
before(async () => {
  esb = await startEsb({
    archives: [await probeArchive(), await staticServerArchive()],
    functions,
    settings: { ESB_NETWORK_POOL: "1", ESB_DRAIN_TIMEOUT_MS: "100" },
  });
  runDir = esb.settings.ESB_RUN_DIR ?? "";
});
after(() => esb?.[Symbol.asyncDispose]());

/** Everything warm, but the frozen one. */
beforeEach(async () => {
  for (const name of ["slow", "idle", "frozen"]) {
    await until(async () => assert.equal((await esb.invoke(name, { op: "echo" })).status, 200), patienceMs);
  }
  await esb.waitForTask("frozen-0", "PAUSED");
});

const introduce = (ms: number) => one(() => esb.invoke("slow", { op: "introduce", ms }));

/** Instance and first process of the workers of a function. */
async function livesOf(name: string): Promise<string[]> {
  const { workers } = await esb.workers.list({});
  return workers.filter(({ function: of }) => of === name).map(({ instanceId, pid }) => `${instanceId} ${pid}`);
}

const marks = async () =>
  (await readFile(join(runDir, "gateway-gateway.inflight"), "latin1")).match(/^[0-9a-f-]{36}(?= )/gm) ?? [];
/** A worker that is asked for something that takes so long that it never answers. */
async function askForLong(): Promise<{ answer: Promise<SteadyAnswer>; instanceId: string }> {
  const answer = introduce(longMs);
  await until(async () => assert.equal((await marks()).length, 1), patienceMs);
  const [instanceId = ""] = await marks();
  // Its worker has it by then.
  await delay(200);
  return { answer, instanceId };
}

async function startAgain(): Promise<void> {
  await esb.gateway.start();
  await untilWhileAlive(esb.gateway, () => fetch(`${esb.url}/health`), startsWithinMs);
}

/** As clients do that are told to come again: a gateway answers before it has reached the agent. */
async function introduceAgain(ms: number): Promise<SteadyAnswer> {
  let answer: SteadyAnswer | undefined;
  await until(async () => {
    answer = await introduce(ms);
    assert.notEqual(answer.status, 503, answer.body);
  }, patienceMs);
  return answer ?? assert.fail("not asked");
}

/** Two workers are there at most, one of which is busy: what comes at once needs both. */
async function assertOneAtATime(): Promise<void> {
  const answers = await Promise.all(Array.from({ length: 6 }, () => introduceAgain(200)));
  assert.deepEqual(failuresOf(answers), []);
  for (const { body } of answers) assert.equal(JSON.parse(body).mostAtOnce, 1, body);
}

async function assertOthersStay(before: readonly string[][]): Promise<void> {
  assert.deepEqual([await livesOf("idle"), await livesOf("frozen")], before);
  assert.equal((await one(() => esb.invoke("idle"))).start, "warm");
  assert.equal((await one(() => esb.invoke("frozen"))).start, "thawed");
}

for (const [how, signal, status] of [
  ["is killed", "SIGKILL", 0],
  ["gives up on what still runs", "SIGTERM", 503],
] as const) {
  test(`G6 S4: a gateway ${how}: no worker gets a second request while it works; all others stay as they are`, async () => {
    const others = [await livesOf("idle"), await livesOf("frozen")];
    const { answer, instanceId } = await askForLong();
    const frozen = watchFrozen(esb.namespace, "frozen-0");
    await esb.gateway.stop(signal);
    assert.equal((await answer).status, status);
    assert.deepEqual(await marks(), [instanceId]);

    await startAgain();
    await assertOneAtATime();
    await frozen.assertAlways();
    assert.ok(!(await livesOf("slow")).some((life) => life.startsWith(instanceId)));
    await assertOthersStay(others);
    await until(async () => assert.deepEqual(await marks(), []), patienceMs);
    assert.match(await esb.gateway.log(), /may still be busy with a request from before/);
  });
}

test("G6 S4: killed again before the agent could destroy the busy worker: the third life knows of it too", async () => {
  const { instanceId } = await askForLong();
  await esb.gateway.stop("SIGKILL");
  await esb.agent.stop("SIGKILL");
  await startAgain();
  await esb.gateway.stop("SIGKILL");
  assert.deepEqual(await marks(), [instanceId]);
  await esb.agent.start();
  await esb.agentReady();
  await startAgain();
  await until(async () => assert.ok((await fetch(`${esb.url}/ready`)).ok), startsWithinMs);
  await assertOneAtATime();
  assert.ok(!(await livesOf("slow")).some((life) => life.startsWith(instanceId)));
});

test("G6 S4: a gateway that ends when all is answered leaves no mark, and nothing goes cold", async () => {
  const before = [await livesOf("slow"), await livesOf("idle"), await livesOf("frozen")];
  await esb.gateway.stop("SIGTERM");
  assert.deepEqual(await marks(), []);
  await startAgain();
  await until(async () => assert.ok((await fetch(`${esb.url}/ready`)).ok), startsWithinMs);
  assert.deepEqual([await livesOf("slow"), await livesOf("idle"), await livesOf("frozen")], before);
});

test("G6 S4: a disk that fills up after the start does not matter; one that is full before is told, and all is served", async () => {
  await esb.gateway.stop("SIGTERM");
  await mkdir(runDir, { recursive: true });
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => {
    await esb.gateway.stop("SIGKILL");
    await run("umount", ["-l", runDir]);
    await startAgain();
  });
  await run("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", runDir]);
  await startAgain();
  await run("dd", ["if=/dev/zero", `of=${join(runDir, "full")}`, "bs=4k"]).catch(() => undefined);
  const { instanceId } = await askForLong();
  await esb.gateway.stop("SIGKILL");
  await startAgain();
  await assertOneAtATime();
  assert.ok(!(await livesOf("slow")).some((life) => life.startsWith(instanceId)));

  await esb.gateway.stop("SIGTERM");
  await writeFile(join(runDir, "gateway-gateway.inflight"), "");
  await run("dd", ["if=/dev/zero", `of=${join(runDir, "fuller")}`, "bs=4k"]).catch(() => undefined);
  const logged = (await esb.gateway.log()).length;
  await startAgain();
  await until(async () => assert.ok((await fetch(`${esb.url}/ready`)).ok), startsWithinMs);
  await assertOneAtATime();
  const warnings = (await esb.gateway.log()).slice(logged).match(/ENOSPC.*it cannot be kept/g);
  assert.equal(warnings?.length, 1);
});
