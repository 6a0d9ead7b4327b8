import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "nice-grpc";
import { HealthDefinition } from "nice-grpc-server-health";
import { StartKind, type WatchResponse, WorkerState } from "../../proto/gen/esb/agent/v1/agent.ts";
import { ask, ensureRequest, failureOf, probeRequest } from "../support/calls.ts";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { probeArchive, staticServerArchive } from "../support/images.ts";
import { killProcess } from "../support/process.ts";
import { randomNumbers } from "../support/random.ts";
import { type Shim, shimsOf } from "../support/shims.ts";
import { assertPrompt, promptly } from "../support/slowness.ts";
import { mendSnapshotter } from "../support/snapshotter.ts";
import { assertNoTraces } from "../support/traces.ts";
import { removalOf, watch } from "../support/watcher.ts";

/** Longest time from containerd's return to the agent's. */
const backWithinMs = 5000;
/** Longest time to a refusal, on a machine that has nothing else to do about 5 ms. */
const quicklyMs = 100;
/** From the daemon's SIGKILL to the end of a Watch, as its reader sees it, on a busy machine. */
const watchEndsWithinMs = 500;
/** Two questions without an answer of five seconds each, and the pauses before them. */
const hangNoticedWithinMs = 20_000;

let esb: TestEsb;
before(async () => {
  esb = await startEsb({
    archives: [await staticServerArchive(), await probeArchive()],
    settings: { ESB_NETWORK_POOL: "0" },
  });
});
after(() => esb?.[Symbol.asyncDispose]());

async function status(service: string): Promise<number> {
  return (await createClient(HealthDefinition, esb.channel).check({ service })).status;
}

const running =
  (id: string) =>
  ({ event }: WatchResponse) =>
    event?.$case === "changed" && event.value.id === id && event.value.state === WorkerState.RUNNING ? id : undefined;

const servingStatus = { serving: 1, notServing: 2 };

async function assertRefuses(): Promise<void> {
  const calls = [
    (options: object) => esb.workers.ensure(ensureRequest("meanwhile"), options),
    (options: object) => esb.workers.destroy({ workerId: "meanwhile-0" }, options),
    (options: object) => esb.workers.pause({ workerId: "meanwhile-0" }, options),
    (options: object) => esb.workers.resume({ workerId: "meanwhile-0" }, options),
    (options: object) => esb.workers.stats({ workerId: "meanwhile-0" }, options),
    (options: object) => esb.workers.list({}, options),
    (options: object) => esb.images.listImages({}, options),
  ];
  for (const call of calls) {
    let failure = await failureOf(call);
    // Somebody else may have had the processor; an agent that waits for something would wait again.
    for (let more = 0; failure.afterMs >= quicklyMs && more < 10; more++) failure = await failureOf(call);
    assert.deepEqual([failure.status, failure.code], ["UNAVAILABLE", "RUNTIME_UNAVAILABLE"], failure.message);
    assert.match(failure.message, /containerd|starting/);
    assert.ok(failure.afterMs < quicklyMs, `after ${failure.afterMs} ms`);
  }
}

test("S5: while containerd is down, health says so, calls are refused at once, and workers go on", async () => {
  const { worker } = await esb.workers.ensure(probeRequest("on"));
  await esb.containerd.stop();
  await until(
    async () => assert.equal(await status("esb.agent.v1.AgentService"), servingStatus.notServing),
    patienceMs,
  );
  assert.equal(await status(""), servingStatus.serving);
  await assertRefuses();
  assert.deepEqual(await ask(worker, "echo", { a: 1 }), { a: 1 });

  await esb.containerd.start();
  await promptly(backWithinMs, () => esb.agentReady());
  assert.equal(await status("esb.agent.v1.AgentService"), servingStatus.serving);
  const { startKind } = await esb.workers.ensure(probeRequest("on"));
  assert.equal(startKind, StartKind.WARM);
  await esb.workers.destroy({ workerId: "on-0" });
  await assertNoTraces(esb);
});

test("S5: a containerd that crashes and comes back finds its workers again, frozen ones too", async () => {
  await esb.workers.ensure(probeRequest("running"));
  await esb.workers.ensure(ensureRequest("frozen"));
  await esb.workers.pause({ workerId: "frozen-0" });
  await esb.containerd.kill();
  await esb.containerd.start();
  await promptly(backWithinMs, () => esb.agentReady());
  assert.equal((await esb.workers.ensure(probeRequest("running"))).startKind, StartKind.WARM);
  assert.equal((await esb.workers.ensure(ensureRequest("frozen"))).startKind, StartKind.THAWED);
  await Promise.all(["running-0", "frozen-0"].map((workerId) => esb.workers.destroy({ workerId })));
  await assertNoTraces(esb);
});

test("S5: a worker that ends while containerd is down is told and swept when it is back", async () => {
  const { worker } = await esb.workers.ensure(ensureRequest("unseen"));
  const { position } = await esb.workers.list({});
  await esb.containerd.stop();
  await killProcess(worker?.pid ?? 0);
  await esb.containerd.start();
  await promptly(backWithinMs, () => esb.agentReady());
  await using watcher = watch(esb, { position });
  await watcher.first(removalOf("unseen-0"), 2000);
  await assertNoTraces(esb);
});

const unheardEnds = [
  {
    who: "worker",
    end: ({ workers: [pid = 0] }: Shim) => process.kill(pid, "SIGTERM"),
    failure: ["FAILED_PRECONDITION", "WORKER_EXITED"],
    words: /slow-0 ended with status 7 before it listened/,
  },
  {
    who: "worker's shim",
    end: ({ pid }: Shim) => process.kill(pid, "SIGKILL"),
    failure: ["UNAVAILABLE", "RUNTIME_UNAVAILABLE"],
    words: /the runtime lost worker slow-0/,
  },
];

/** Waits until a process has a handler for SIGTERM, which the first one of a container does not hear else. */
async function untilHandled(pid: number): Promise<void> {
  const bit = 1n << 14n;
  await until(async () => {
    const [, caught = "0"] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(await readFile(`/proc/${pid}/status`, "utf8")) ?? [];
    assert.ok(BigInt(`0x${caught}`) & bit);
  }, patienceMs);
}

for (const { who, end, failure: expected, words } of unheardEnds) {
  test(`S5: a start whose ${who} ends while containerd is down says so once it is back`, async () => {
    const command = ["sh", "-c", "trap 'exit 7' TERM; sleep 60 & wait"];
    const failing = failureOf((options) => esb.workers.ensure(probeRequest("slow", { command }), options));
    await esb.waitForTask("slow-0", "RUNNING");
    const [shim] = await shimsOf(esb);
    assert.equal(shim?.id, "slow-0");
    await untilHandled(shim?.workers[0] ?? 0);
    await esb.containerd.kill();
    end(shim);
    await esb.containerd.start();
    const begun = performance.now();
    const failure = await failing;
    const tookMs = performance.now() - begun;
    assert.deepEqual([failure.status, failure.code], expected, failure.message);
    assert.match(failure.message, words);
    assertPrompt(tookMs, backWithinMs);
    await assertNoTraces(esb);
  });
}

test("S5: an outage of containerd ends a Watch as unavailable at once; the next one goes on where that ended", async () => {
  const { position } = await esb.workers.list({});
  await using watcher = watch(esb, { position });
  await esb.workers.ensure(ensureRequest("before"));
  await watcher.first(running("before-0"));
  const crashed = performance.now();
  await esb.containerd.kill();
  await until(async () => assert.ok(watcher.failure !== undefined), patienceMs);
  const afterMs = performance.now() - crashed;
  assertPrompt(afterMs, watchEndsWithinMs);
  assert.match(String(watcher.failure), /UNAVAILABLE.*containerd/);
  const again = () => esb.workers.watch({ position })[Symbol.asyncIterator]().next();
  await assert.rejects(again(), /UNAVAILABLE.*containerd/);

  await esb.containerd.start();
  await promptly(backWithinMs, () => esb.agentReady());
  await using next = watch(esb, { position: watcher.messages.at(-1)?.position ?? "" });
  await esb.workers.ensure(ensureRequest("after"));
  await next.first(running("after-0"));
  assert.ok(next.lines().every((line) => !line.startsWith("snapshot")));
  for (const workerId of ["before-0", "after-0"]) await esb.workers.destroy({ workerId });
});

test("S5: a containerd that is stopped, not ended, is an outage too, from which everything recovers", async () => {
  await esb.workers.ensure(probeRequest("kept"));
  await esb.workers.ensure(ensureRequest("frozen"));
  await esb.workers.pause({ workerId: "frozen-0" });
  const pid = esb.containerd.pid ?? 0;
  await using watcher = watch(esb);
  process.kill(pid, "SIGSTOP");
  try {
    const hanging = failureOf((options) =>
      esb.workers.resume({ workerId: "frozen-0" }, { ...options, deadline: 1000 } as object),
    );
    const { status: ended, afterMs } = await hanging;
    assert.equal(ended, "DEADLINE_EXCEEDED");
    assertPrompt(afterMs - 1000, 500);
    await promptly(hangNoticedWithinMs, () => until(async () => assert.ok(watcher.failure !== undefined), patienceMs));
    assert.match(String(watcher.failure), /UNAVAILABLE.*does not answer/);
    await assertRefuses();
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await promptly(backWithinMs, () => esb.agentReady());
  assert.equal((await esb.workers.ensure(probeRequest("kept"))).startKind, StartKind.WARM);
  const { startKind } = await esb.workers.ensure(ensureRequest("frozen"));
  assert.ok(startKind === StartKind.THAWED || startKind === StartKind.WARM, "never cold");
  await Promise.all(["kept-0", "frozen-0"].map((workerId) => esb.workers.destroy({ workerId })));
  await assertNoTraces(esb);
});

test("S5: a start during which containerd crashes fails as unavailable, and leaves nothing once it is back", async (t) => {
  const random = randomNumbers(t);
  for (let round = 0; round < 8; round += 1) {
    const outcome = failureOf((options) => esb.workers.ensure(ensureRequest("crash"), options)).catch(() => undefined);
    await delay(random(150));
    await esb.containerd.kill();
    const failure = await outcome;
    if (failure !== undefined) assert.equal(failure.status, "UNAVAILABLE", failure.message);
    await esb.containerd.start();
    await promptly(backWithinMs, () => esb.agentReady());
    await mendSnapshotter(esb);
    const { worker } = await esb.workers.ensure(ensureRequest("crash"));
    assert.deepEqual(await ask(worker, ""), { ok: true });
    await esb.workers.destroy({ workerId: "crash-0" });
    await assertNoTraces(esb);
  }
});

test("S5: an agent that starts before containerd serves as soon as that is there", async () => {
  await esb.agent.stop();
  await esb.containerd.stop();
  await esb.agent.start();
  await until(
    async () => assert.equal(await status("esb.agent.v1.AgentService"), servingStatus.notServing),
    patienceMs,
  );
  await assertRefuses();
  await esb.containerd.start();
  await promptly(backWithinMs, () => esb.agentReady());
  const { startKind } = await esb.workers.ensure(ensureRequest("late"));
  assert.equal(startKind, StartKind.COLD);
  await esb.workers.destroy({ workerId: "late-0" });
  await assertNoTraces(esb);
});

test("S5: an agent that is told to end while containerd is away ends", async () => {
  await esb.containerd.stop();
  const begun = performance.now();
  await esb.agent.stop("SIGTERM");
  assertPrompt(performance.now() - begun, 5000);
  await esb.containerd.start();
  await esb.agent.start();
  await esb.agentReady();
});
