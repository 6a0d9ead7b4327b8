import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { StartKind } from "../../proto/gen/esb/agent/v1/agent.ts";
import { ask, ensureRequest, failureOf } from "../support/calls.ts";
import { needs } from "../support/controllers.ts";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { staticServerArchive, staticServerImage } from "../support/images.ts";
import { randomNumbers } from "../support/random.ts";
import { assertNoTraces } from "../support/traces.ts";

/** What it runs has a CPU weight always. */
const ctrCanRun = needs("cpu");
let esb: TestEsb;
before(async () => {
  esb = await startEsb({ archives: [await staticServerArchive()], settings: { ESB_NETWORK_POOL: "0" } });
});
after(() => esb?.[Symbol.asyncDispose]());

test("W6: fifty concurrent Ensures make one worker", async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, () => esb.workers.ensure(ensureRequest("fifty"))));
  assert.equal(new Set(answers.map(({ worker }) => worker?.instanceId)).size, 1);
  assert.equal(new Set(answers.map(({ worker }) => worker?.pid)).size, 1);
  assert.ok(answers.some(({ startKind }) => startKind === StartKind.COLD));
  assert.equal((await esb.ctr("containers", "ls", "-q")).trim(), "fifty-0");
  await esb.workers.destroy({ workerId: "fifty-0" });
  await assertNoTraces(esb);
});

test("W6: fifty concurrent Ensures of a frozen worker thaw one worker", async () => {
  const { worker } = await esb.workers.ensure(ensureRequest("thaw-fifty"));
  await esb.workers.pause({ workerId: "thaw-fifty-0" });
  const answers = await Promise.all(Array.from({ length: 50 }, () => esb.workers.ensure(ensureRequest("thaw-fifty"))));
  assert.ok(answers.every((answer) => answer.worker?.instanceId === worker?.instanceId));
  assert.ok(answers.every(({ startKind }) => startKind !== StartKind.COLD));
  await esb.workers.destroy({ workerId: "thaw-fifty-0" });
});

test("W6: of fifty callers some go away; the others get the worker", async () => {
  const calls = Array.from({ length: 50 }, async (_, index) => {
    const leaves = index % 3 === 0;
    const signal = leaves ? AbortSignal.timeout(5 + index) : new AbortController().signal;
    const call = esb.workers.ensure(ensureRequest("some-leave"), { signal });
    return leaves ? call.catch(() => undefined) : call;
  });
  const answers = (await Promise.all(calls)).filter((answer) => answer !== undefined);
  assert.equal(new Set(answers.map(({ worker }) => worker?.instanceId)).size, 1);
  await esb.workers.destroy({ workerId: "some-leave-0" });
});

test("W6: Ensure against Destroy ends with a worker or none, and the next Ensure works", async (t) => {
  const random = randomNumbers(t);
  for (let round = 0; round < 20; round += 1) {
    const ensured = esb.workers.ensure(ensureRequest("fought")).catch((error: unknown) => error);
    await delay(random(150));
    const destroyed = esb.workers.destroy({ workerId: "fought-0", graceMs: 100 });
    const again = random(2) === 0 ? [] : [esb.workers.ensure(ensureRequest("fought")).catch((error: unknown) => error)];
    await Promise.all([ensured, destroyed, ...again]);
    const { worker } = await esb.workers.ensure(ensureRequest("fought"));
    assert.deepEqual(await ask(worker, ""), { ok: true }, `round ${round}`);
    await esb.workers.destroy({ workerId: "fought-0" });
    await assertNoTraces(esb);
  }
});

test("W6: Ensure against Pause ends with one worker that the next Ensure returns running", async (t) => {
  const random = randomNumbers(t);
  const { worker } = await esb.workers.ensure(ensureRequest("dozing"));
  for (let round = 0; round < 30; round += 1) {
    const paused = esb.workers.pause({ workerId: "dozing-0" });
    await delay(random(20));
    await Promise.all([paused, esb.workers.ensure(ensureRequest("dozing"))]);
    const answer = await esb.workers.ensure(ensureRequest("dozing"));
    assert.equal(answer.worker?.instanceId, worker?.instanceId);
    assert.equal(await esb.taskState("dozing-0"), "RUNNING");
    assert.deepEqual(await ask(answer.worker, ""), { ok: true });
  }
  await esb.workers.destroy({ workerId: "dozing-0" });
});

test("W6: a foreign container that appears by ctr under the worker's id is taken over", async () => {
  await esb.ctr("containers", "create", staticServerImage, "foreign-0");
  const { startKind, worker } = await esb.workers.ensure(ensureRequest("foreign"));
  assert.equal(startKind, StartKind.COLD);
  assert.deepEqual(await ask(worker, ""), { ok: true });
  await esb.workers.destroy({ workerId: "foreign-0" });
  await assertNoTraces(esb);
});

test("W6: a foreign container that appears and runs by ctr is taken over", ctrCanRun, async () => {
  await esb.ctr("run", "-d", staticServerImage, "foreign-run-0");
  const { startKind, worker } = await esb.workers.ensure(ensureRequest("foreign-run"));
  assert.equal(startKind, StartKind.COLD);
  assert.deepEqual(await ask(worker, ""), { ok: true });
  await esb.workers.destroy({ workerId: "foreign-run-0" });
  await assertNoTraces(esb);
});

test("W6: a container that appears by ctr during the start is taken over", async (t) => {
  const random = randomNumbers(t);
  for (let round = 0; round < 6; round += 1) {
    const id = `meanwhile${round}-0`;
    const created = delay(random(30)).then(() =>
      esb.ctr("containers", "create", staticServerImage, id).catch((error: unknown) => error),
    );
    const ensured = esb.workers.ensure(ensureRequest(`meanwhile${round}`));
    const [{ worker }] = await Promise.all([ensured, created]);
    assert.deepEqual(await ask(worker, ""), { ok: true });
    await esb.workers.destroy({ workerId: id });
  }
  await assertNoTraces(esb);
});

test("W6: a running worker with our labels that the agent has not heard of is used as it is", ctrCanRun, async () => {
  const { worker: model } = await esb.workers.ensure(ensureRequest("unheard"));
  await esb.workers.destroy({ workerId: "unheard-0" });
  await using server = createServer((_, answer) => answer.end("{}"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const labels = {
    created_by: "edge-serverless-box",
    "esb.function": "unheard",
    "esb.slot": "0",
    "esb.owner": model?.owner,
    "esb.image": model?.image,
    "esb.instance": "made-by-hand",
    "esb.spec": model?.specDigest,
    "esb.created-at-ms": "1",
    "esb.endpoint": `127.0.0.1:${(server.address() as AddressInfo).port}`,
    "esb.network": "none",
  };
  const flags = Object.entries(labels).flatMap(([name, value]) => ["--label", `${name}=${value}`]);
  await esb.ctr("run", "-d", ...flags, staticServerImage, "unheard-0");
  const { worker, startKind } = await esb.workers.ensure(ensureRequest("unheard"));
  assert.equal(startKind, StartKind.WARM);
  assert.equal(worker?.instanceId, "made-by-hand");
  await esb.workers.destroy({ workerId: "unheard-0" });
  await assertNoTraces(esb);
});

test("W6: a change of the spec while the old one starts leaves the newer worker", async () => {
  const old = esb.workers.ensure(ensureRequest("changing")).catch((error: unknown) => error);
  await delay(20);
  const { worker } = await esb.workers.ensure(ensureRequest("changing", { memoryMib: 256 }));
  await old;
  const { workers } = await esb.workers.list({});
  assert.deepEqual(
    workers.map(({ instanceId }) => instanceId),
    [worker?.instanceId],
  );
  await esb.workers.destroy({ workerId: "changing-0" });
});

test("W6: a destroyed start says so to who waits for it", async () => {
  const failure = failureOf((options) => esb.workers.ensure(ensureRequest("cut-short"), options));
  await delay(30);
  await esb.workers.destroy({ workerId: "cut-short-0" });
  const outcome = await failure.catch(() => undefined);
  // On a machine that is fast enough the start was over before.
  if (outcome !== undefined) {
    assert.equal(outcome.code, "WORKER_CONFLICT");
    assert.match(outcome.message, /destroyed while it was being started/);
  }
  await assertNoTraces(esb);
});
