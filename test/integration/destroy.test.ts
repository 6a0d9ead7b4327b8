import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { StartKind } from "../../proto/gen/esb/agent/v1/agent.ts";
import { ask, ensureRequest, probeRequest } from "../support/calls.ts";
import { needs } from "../support/controllers.ts";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { probeArchive, staticServerArchive } from "../support/images.ts";
import { assertPrompt } from "../support/slowness.ts";
import { assertNoTraces, assertTraces, tracesOf } from "../support/traces.ts";

let esb: TestEsb;
before(async () => {
  esb = await startEsb({
    archives: [await staticServerArchive(), await probeArchive()],
    settings: { ESB_NETWORK_POOL: "0", ESB_DESTROY_GRACE_MS: "1000" },
  });
});
after(() => esb?.[Symbol.asyncDispose]());

const timed = async (work: Promise<unknown>): Promise<number> => {
  const begun = performance.now();
  await work;
  return performance.now() - begun;
};

test("W8: of everything that a worker has, nothing is left after Destroy", async () => {
  await esb.workers.ensure(ensureRequest("whole"));
  const kinds = new Set((await tracesOf(esb)).map((trace) => trace.split(":")[0]));
  const expected = [
    "container",
    "task",
    "snapshot",
    "network namespace",
    "bridge port",
    "address",
    "attachment record",
  ];
  // A test that looks for the wrong thing finds nothing left: these must be there now.
  for (const kind of [...expected, "log", "cgroup", "shim", "neighbour"]) assert.ok(kinds.has(kind), kind);
  const { existed } = await esb.workers.destroy({ workerId: "whole-0" });
  assert.equal(existed, true);
  await assertNoTraces(esb);
});

test("W8: destroying what is absent succeeds and says so", async () => {
  assert.deepEqual(await esb.workers.destroy({ workerId: "absent-0" }), { existed: false });
});

test("W8: a worker that hears SIGTERM ends by itself within the grace time", async () => {
  await esb.workers.ensure(probeRequest("polite"));
  const ms = await timed(esb.workers.destroy({ workerId: "polite-0", graceMs: 20_000 }));
  assert.ok(ms < 10_000, `took ${ms} ms`);
  await assertNoTraces(esb);
});

const deaf = { environment: { IGNORE_SIGTERM: "1" } };

test("W8: a worker that does not hear SIGTERM is killed after the grace time, the agent's when none is given", async () => {
  for (const [graceMs, leastMs] of [
    [500, 500],
    [undefined, 1000],
  ] as const) {
    await esb.workers.ensure(probeRequest("deaf", deaf));
    const ms = await timed(esb.workers.destroy({ workerId: "deaf-0", ...(graceMs && { graceMs }) }));
    assert.ok(ms >= leastMs - 5, `took ${ms} ms of ${leastMs}`);
    assertPrompt(ms, leastMs + 5000);
    await assertNoTraces(esb);
  }
});

test("W8: without any grace the worker is killed at once", async () => {
  await esb.workers.ensure(probeRequest("at-once", deaf));
  const ms = await timed(esb.workers.destroy({ workerId: "at-once-0", graceMs: 0 }));
  assertPrompt(ms, 900);
  await assertNoTraces(esb);
});

test("W8: what a worker started goes with it", needs("pids"), async () => {
  const { worker } = await esb.workers.ensure(probeRequest("parent"));
  const running = ask(worker, "exec", { argv: ["/bin/sh", "-c", "sleep 1000 & sleep 1000"] }).catch(() => undefined);
  const processes = async () => (await esb.workers.stats({ workerId: "parent-0" })).pids;
  await until(async () => assert.ok((await processes()) > 3n), patienceMs);
  await esb.workers.destroy({ workerId: "parent-0" });
  await running;
  await assertNoTraces(esb);
});

test("W8: a frozen worker that hears SIGTERM ends by itself, too", async () => {
  await esb.workers.ensure(probeRequest("frozen"));
  await esb.workers.pause({ workerId: "frozen-0" });
  const ms = await timed(esb.workers.destroy({ workerId: "frozen-0", graceMs: 20_000 }));
  assert.ok(ms < 10_000, `took ${ms} ms`);
  await assertNoTraces(esb);
});

test("W8: a foreign instance's Destroy does nothing", async () => {
  const { worker } = await esb.workers.ensure(ensureRequest("mine"));
  const traces = await tracesOf(esb);
  const answer = await esb.workers.destroy({ workerId: "mine-0", instanceId: "of-yesterday" });
  assert.equal(answer.existed, false);
  await assertTraces(esb, traces);
  assert.equal((await esb.workers.ensure(ensureRequest("mine"))).startKind, StartKind.WARM);
  const own = await esb.workers.destroy({ workerId: "mine-0", instanceId: worker?.instanceId ?? "" });
  assert.equal(own.existed, true);
  await assertNoTraces(esb);
});

test("W8: ten Destroys at once of one worker all succeed, and one found it", async () => {
  await esb.workers.ensure(ensureRequest("often"));
  const answers = await Promise.all(Array.from({ length: 10 }, () => esb.workers.destroy({ workerId: "often-0" })));
  assert.equal(answers.filter(({ existed }) => existed).length, 1);
  await assertNoTraces(esb);
});

test("W8: a client that goes away does not stop a Destroy that has begun", async () => {
  const { worker } = await esb.workers.ensure(probeRequest("gone", deaf));
  const leaving = new AbortController();
  const call = esb.workers.destroy({ workerId: "gone-0", graceMs: 4000 }, { signal: leaving.signal });
  const refused = assert.rejects(call, { name: "AbortError" });
  const told = async () => assert.equal((await ask(worker, "read", { path: "/tmp/told-to-end" })).ok, true);
  await until(told, patienceMs);
  leaving.abort();
  await refused;
  await assertNoTraces(esb);
});

test("W8: only the one that is meant goes, of several of a function and of names that begin alike", async () => {
  const requests = [
    { ...ensureRequest("near"), slot: 1 },
    { ...ensureRequest("near"), slot: 11 },
    ensureRequest("near-1"),
  ];
  await Promise.all(requests.map((request) => esb.workers.ensure(request)));
  await esb.workers.destroy({ workerId: "near-1" });
  const ids = (await esb.workers.list({})).workers.map(({ id }) => id);
  assert.deepEqual(ids, ["near-1-0", "near-11"]);
  for (const { worker } of await Promise.all(requests.slice(1).map((request) => esb.workers.ensure(request)))) {
    assert.deepEqual(await ask(worker, ""), { ok: true });
  }
  await Promise.all(ids.map((workerId) => esb.workers.destroy({ workerId })));
  await assertNoTraces(esb);
});
