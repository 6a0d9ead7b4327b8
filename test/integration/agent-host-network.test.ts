import assert from "node:assert/strict";
import { watch } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { StartKind } from "../../proto/gen/esb/agent/v1/agent.ts";
import { ask, assertSameWorker, ensureRequest, failureOf, probeRequest } from "../support/calls.ts";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { probeArchive, staticServerArchive } from "../support/images.ts";
import { freePorts } from "../support/port.ts";
import { assertNoTraces, tracesOf } from "../support/traces.ts";

const count = 3;
let esb: TestEsb;
let first: number;
before(async () => {
  first = await freePorts(count);
  esb = await startEsb({
    archives: [await staticServerArchive(), await probeArchive()],
    settings: { ESB_NETWORK: "host", ESB_HOST_PORTS: `${first}-${first + count - 1}` },
  });
});
after(() => esb?.[Symbol.asyncDispose]());

const ensure = (slot: number) => esb.workers.ensure({ ...probeRequest("ported"), slot });

test("W5: workers on the host's network answer on a port of their own each, and give it back", async () => {
  const made = await Promise.all([0, 1].map(ensure));
  const ports = made.map(({ worker }) => worker?.port ?? 0);
  assert.equal(new Set(ports).size, 2);
  assert.ok(ports.every((port) => port >= first && port < first + count));
  for (const { worker } of made) {
    assert.equal(worker?.host, "127.0.0.1");
    assert.equal((await ask(worker, "env")).PORT, String(worker?.port));
  }
  const held = (await tracesOf(esb)).filter((trace) => trace.startsWith("port: ")).sort();
  assert.deepEqual(held, ports.map((port) => `port: ${port}`).sort());
  await Promise.all([0, 1].map((slot) => esb.workers.destroy({ workerId: `ported-${slot}` })));
  await assertNoTraces(esb);
});

test("W5: freezing and thawing work on the host's network as well", async () => {
  await ensure(0);
  await esb.workers.pause({ workerId: "ported-0" });
  const { startKind, worker } = await ensure(0);
  assert.equal(startKind, StartKind.THAWED);
  assert.deepEqual(await ask(worker, "echo", { a: 1 }), { a: 1 });
  await esb.workers.destroy({ workerId: "ported-0" });
});

test("W5: without a free port the error says so, and one that is given back is used again", async () => {
  await Promise.all(Array.from({ length: count }, (_, slot) => ensure(slot)));
  const failure = await failureOf((options) => esb.workers.ensure(ensureRequest("one-more"), options));
  assert.deepEqual([failure.status, failure.code], ["RESOURCE_EXHAUSTED", "NETWORK_EXHAUSTED"]);
  assert.match(failure.message, /ESB_HOST_PORTS/);
  await esb.workers.destroy({ workerId: "ported-1" });
  const { worker } = await ensure(7);
  assert.deepEqual(await ask(worker, "echo", { a: 1 }), { a: 1 });
  const { workers } = await esb.workers.list({});
  await Promise.all(workers.map(({ id }) => esb.workers.destroy({ workerId: id })));
  await assertNoTraces(esb);
});

test("S7: a port that another program takes while the worker starts is noticed, and the worker gets another one", async () => {
  const folder = join(esb.settings.ESB_STATE_DIR ?? "", "network/ports");
  const thief = createServer((_, answer) => answer.end('"stolen"'));
  const stolen = Promise.withResolvers<number>();
  const watching = watch(folder, (_, name) => {
    if (thief.listening || name === null) return;
    watching.close();
    thief.listen(Number(name), "127.0.0.1", () => stolen.resolve(Number(name)));
  });
  try {
    const { worker } = await ensure(0);
    assert.notEqual(worker?.port, await stolen.promise);
    assert.deepEqual(await ask(worker, "echo", { a: 1 }), { a: 1 });
  } finally {
    watching.close();
    thief.close();
  }
  await esb.workers.destroy({ workerId: "ported-0" });
  await assertNoTraces(esb);
});

test("W5: a start that fails gives its port back", async () => {
  for (let round = 0; round < count + 1; round += 1) {
    const request = ensureRequest("fails", { command: ["/nope"] });
    const failure = await failureOf((options) => esb.workers.ensure(request, options));
    assert.equal(failure.code, "WORKER_START_FAILED");
  }
  await assertNoTraces(esb);
});

test("W5, S1: ports of workers stay theirs when the agent restarts, those of nobody become free", async () => {
  const { worker } = await ensure(0);
  await ensure(1);
  await esb.agent.stop("SIGKILL");
  await esb.ctr("tasks", "rm", "-f", "ported-1");
  await esb.ctr("containers", "rm", "ported-1");
  await esb.agent.start();
  await esb.agentReady();
  const again = await ensure(0);
  assert.equal(again.startKind, StartKind.WARM);
  assertSameWorker(again.worker, worker);
  const others = await Promise.all([2, 3].map(ensure));
  assert.ok(others.every((other) => other.worker?.port !== worker?.port));
  const { workers } = await esb.workers.list({});
  await Promise.all(workers.map(({ id }) => esb.workers.destroy({ workerId: id })));
  await assertNoTraces(esb);
});
