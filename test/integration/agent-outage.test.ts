import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "nice-grpc";
import { HealthDefinition } from "nice-grpc-server-health";
import { StartKind } from "../../proto/gen/esb/agent/v1/agent.ts";
import { ask, ensureRequest, failureOf, probeRequest } from "../support/calls.ts";
import { startEsb, type TestEsb, until } from "../support/esb.ts";
import { probeArchive, staticServerArchive } from "../support/images.ts";
import { killProcess } from "../support/process.ts";
import { randomNumbers } from "../support/random.ts";
import { assertNoTraces } from "../support/traces.ts";
import { removalOf, watch } from "../support/watcher.ts";

/** Longest time from containerd's return to the agent's. */
const backWithinMs = 5000;
/** Longest time to a refusal. */
const quicklyMs = 500;

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

const servingStatus = { serving: 1, notServing: 2 };

async function assertRefuses(): Promise<void> {
  const calls = [
    (options: object) => esb.workers.ensure(ensureRequest("meanwhile"), options),
    (options: object) => esb.workers.destroy({ workerId: "meanwhile-0" }, options),
    (options: object) => esb.workers.list({}, options),
    (options: object) => esb.images.listImages({}, options),
  ];
  for (const call of calls) {
    const failure = await failureOf(call);
    assert.deepEqual([failure.status, failure.code], ["UNAVAILABLE", "RUNTIME_UNAVAILABLE"], failure.message);
    assert.match(failure.message, /containerd|starting/);
    assert.ok(failure.afterMs < quicklyMs, `after ${failure.afterMs} ms`);
  }
}

test("S5: while containerd is down, health says so, calls are refused at once, and workers go on", async () => {
  const { worker } = await esb.workers.ensure(probeRequest("on"));
  await esb.containerd.stop();
  await until(async () => assert.equal(await status("esb.agent.v1.AgentService"), servingStatus.notServing), 2000);
  assert.equal(await status(""), servingStatus.serving);
  await assertRefuses();
  assert.deepEqual(await ask(worker, "echo", { a: 1 }), { a: 1 });

  await esb.containerd.start();
  await esb.agentReady(backWithinMs);
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
  await esb.agentReady(backWithinMs);
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
  await esb.agentReady(backWithinMs);
  await using watcher = watch(esb, { position });
  await watcher.first(removalOf("unseen-0"), 2000);
  await assertNoTraces(esb);
});

test("S5: a Watch lasts through an outage of containerd", async () => {
  await using watcher = watch(esb);
  await watcher.first(({ event }) => (event?.$case === "snapshot" ? true : undefined));
  await esb.containerd.restart();
  await esb.agentReady(backWithinMs);
  await esb.workers.ensure(ensureRequest("after"));
  await watcher.first(({ event }) => (event?.$case === "changed" ? true : undefined));
  assert.equal(watcher.failure, undefined);
  await esb.workers.destroy({ workerId: "after-0" });
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
    await esb.agentReady(backWithinMs);
    await mendSnapshotter();
    const { worker } = await esb.workers.ensure(ensureRequest("crash"));
    assert.deepEqual(await ask(worker, ""), { ok: true });
    await esb.workers.destroy({ workerId: "crash-0" });
    await assertNoTraces(esb, 5000);
  }
});

test("S5: an agent that starts before containerd serves as soon as that is there", async () => {
  await esb.agent.stop();
  await esb.containerd.stop();
  await esb.agent.start();
  await until(async () => assert.equal(await status("esb.agent.v1.AgentService"), servingStatus.notServing), 10_000);
  await assertRefuses();
  await esb.containerd.start();
  await esb.agentReady(backWithinMs);
  const { startKind } = await esb.workers.ensure(ensureRequest("late"));
  assert.equal(startKind, StartKind.COLD);
  await esb.workers.destroy({ workerId: "late-0" });
  await assertNoTraces(esb);
});

test("S5: an agent that is told to end while containerd is away ends", async () => {
  await esb.containerd.stop();
  const begun = performance.now();
  await esb.agent.stop("SIGTERM");
  assert.ok(performance.now() - begun < 5000);
  await esb.containerd.start();
  await esb.agent.start();
  await esb.agentReady();
});

/**
 * containerd makes a snapshot's folder before it commits the number that names it; when it crashes between the two, it
 * refuses every further snapshot until somebody removes the folder.
 */
async function mendSnapshotter(): Promise<void> {
  const attempt = await esb.ctr("snapshots", "prepare", "attempt").catch((error: Error) => error);
  if (!(attempt instanceof Error)) {
    await esb.ctr("snapshots", "rm", "attempt");
    return;
  }
  const [, folder] = /rename \S+ (\S+): file exists/.exec(attempt.message) ?? [];
  if (folder === undefined) throw attempt;
  await rm(folder, { recursive: true });
}
