import assert from "node:assert/strict";
import { mkdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "nice-grpc";
import { HealthDefinition } from "nice-grpc-server-health";
import { ask, ensureRequest, failureOf, probeRequest } from "../support/calls.ts";
import { needs } from "../support/controllers.ts";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { probeArchive, staticServerArchive } from "../support/images.ts";
import { reflect } from "../support/reflection.ts";
import { assertPrompt } from "../support/slowness.ts";
import { assertNoTraces } from "../support/traces.ts";

let esb: TestEsb;
before(async () => {
  esb = await startEsb({
    archives: [await staticServerArchive(), await probeArchive()],
    settings: { ESB_NETWORK_POOL: "0", ESB_AGENT_REFLECTION: "on" },
  });
});
after(() => esb?.[Symbol.asyncDispose]());

/** grpc.health.v1.HealthCheckResponse.ServingStatus */
const serving = 1;
const services = ["", "esb.agent.v1.AgentService", "esb.agent.v1.ImageService"];

test("W1: the health service says that the agent serves, and knows no service that there is not", async () => {
  const health = createClient(HealthDefinition, esb.channel);
  for (const service of services) {
    assert.equal((await health.check({ service })).status, serving, service);
  }
  const failure = await failureOf((options) => health.check({ service: "esb.agent.v1.NoService" }, options));
  assert.equal(failure.status, "NOT_FOUND");
});

test("W1: reflection lists the services and describes the contract", async () => {
  const { services: listed, files } = await reflect(esb.channel, "esb.agent.v1.AgentService");
  assert.ok(listed.includes("esb.agent.v1.AgentService"));
  assert.ok(listed.includes("esb.agent.v1.ImageService"));
  assert.ok(files.some((file) => file.includes("esb/agent/v1/agent.proto")));
});

type Requests = [field: string, call: (options: object) => Promise<unknown>][];
const ensure = (changed: object) => (options: object) =>
  esb.workers.ensure({ ...ensureRequest("wild"), ...changed }, options);
const spec = (changed: object) => ensure({ function: { ...ensureRequest("wild").function, ...changed } });
const big = 2 ** 32 - 1;

test("W1: missing and wild fields are INVALID_ARGUMENT and named, before anything is touched", async () => {
  const calls: Requests = [
    ["function", ensure({ function: undefined })],
    ["slot", ensure({ slot: 10_000 })],
    ["slot", ensure({ slot: big })],
    ["owner", ensure({ owner: "" })],
    ["owner", ensure({ owner: "a b" })],
    ["owner", ensure({ owner: "x".repeat(65) })],
    ...["", "..", "../x", "a/b", "a..b", "-a", "a-", "a--b", "a b", "a\n", "a\0b", "é", "x".repeat(65)].map(
      (name) => ["function.name", spec({ name })] as Requests[number],
    ),
    ["function.image", spec({ image: "" })],
    ["function.memory_mib", spec({ memoryMib: 0 })],
    ["function.memory_mib", spec({ memoryMib: 127 })],
    ["function.memory_mib", spec({ memoryMib: big })],
    ["function.timeout_ms", spec({ timeoutMs: 0 })],
    ["function.timeout_ms", spec({ timeoutMs: 900_001 })],
    ["function.tmp_mib", spec({ tmpMib: 511 })],
    ["function.tmp_mib", spec({ tmpMib: 10_241 })],
    ["function.pull_policy", spec({ pullPolicy: 77 })],
    ["function.environment", spec({ environment: { "A=B": "1" } })],
    ["function.environment", spec({ environment: { "": "1" } })],
    ["function.environment", spec({ environment: { A: "a\0b" } })],
    ["function.command", spec({ command: ["a\0b"] })],
    ["worker_id", (options) => esb.workers.destroy({ workerId: "" }, options)],
    ["worker_id", (options) => esb.workers.destroy({ workerId: "../../etc-0" }, options)],
    ["worker_id", (options) => esb.workers.pause({ workerId: "no-slot" }, options)],
    ["worker_id", (options) => esb.workers.resume({ workerId: "a\0-0" }, options)],
    ["worker_id", (options) => esb.workers.stats({ workerId: `${"x".repeat(65)}-0` }, options)],
    ["instance_id", (options) => esb.workers.pause({ workerId: "a-0", instanceId: "x".repeat(65) }, options)],
    ["grace_ms", (options) => esb.workers.destroy({ workerId: "a-0", graceMs: big }, options)],
  ];
  for (const [field, call] of calls) {
    const failure = await failureOf(call);
    assert.deepEqual([failure.status, failure.code], ["INVALID_ARGUMENT", "INVALID_REQUEST"], failure.message);
    assert.ok(failure.message.includes(field), `${field} in: ${failure.message}`);
  }
  await assertNoTraces(esb);
});

test("W1: several wrong fields are all named", async () => {
  const { message } = await failureOf(ensure({ slot: big, owner: "", function: undefined }));
  for (const field of ["slot", "owner", "function"]) assert.ok(message.includes(field), message);
});

test("W1: the largest and smallest values that are allowed work", async () => {
  const { worker } = await esb.workers.ensure({ ...ensureRequest("x".repeat(64), { tmpMib: 512 }), slot: 9999 });
  assert.equal(worker?.id, `${"x".repeat(64)}-9999`);
  assert.deepEqual(await ask(worker, ""), { ok: true });
  await esb.workers.destroy({ workerId: worker.id });
});

test("W1: an image call with wild fields says so too", async () => {
  const noOptions = async function* () {
    yield { content: { $case: "chunk" as const, value: Buffer.from("x") } };
  };
  const failure = await failureOf((options) => esb.images.importImage(noOptions(), options));
  assert.equal(failure.status, "INVALID_ARGUMENT");
  assert.match(failure.message, /options/);
});

test("W1: a message that is larger than the agent takes is refused", async () => {
  const environment = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`A${index}`, "x".repeat(32_000)]));
  const failure = await failureOf(spec({ environment }));
  assert.equal(failure.status, "RESOURCE_EXHAUSTED");
});

test("W10: Stats tells the memory limit, memory, processes and a CPU time that grows", needs("memory"), async () => {
  const workerId = "measured-0";
  const { worker } = await esb.workers.ensure(probeRequest("measured", { memoryMib: 192 }));
  const before = await esb.workers.stats({ workerId });
  assert.equal(before.memoryLimitBytes, 192n * 1024n * 1024n);
  assert.ok(before.memoryUsageBytes > 1_000_000n && before.memoryUsageBytes < before.memoryLimitBytes);
  assert.ok(before.memoryPeakBytes >= before.memoryUsageBytes && before.memoryPeakBytes <= before.memoryLimitBytes);
  assert.ok(before.pids >= 1n);
  assert.equal(before.oomKills, 0n);
  await ask(worker, "burn", { ms: 500 });
  const after = await esb.workers.stats({ workerId });
  assert.ok(after.cpuUsageNs > before.cpuUsageNs, `${before.cpuUsageNs} → ${after.cpuUsageNs}`);
  await esb.workers.destroy({ workerId });
  const failure = await failureOf((options) => esb.workers.stats({ workerId }, options));
  assert.deepEqual([failure.status, failure.code], ["NOT_FOUND", "WORKER_NOT_FOUND"]);
});

test("W1: List tells all workers by id, each as Ensure told it", async () => {
  const requests = ["b", "a", "c"].map((name) => ensureRequest(`list-${name}`));
  const made = await Promise.all(requests.map((request) => esb.workers.ensure(request)));
  const { workers } = await esb.workers.list({});
  const byId = made.map(({ worker }) => worker).sort((a, b) => ((a?.id ?? "") < (b?.id ?? "") ? -1 : 1));
  assert.deepEqual(workers, byId);
  await Promise.all(workers.map(({ id }) => esb.workers.destroy({ workerId: id })));
});

test("W1: every kind of call keeps its deadline", async () => {
  await esb.workers.ensure(probeRequest("slow", { environment: { IGNORE_SIGTERM: "1" } }));
  const destroying = esb.workers.destroy({ workerId: "slow-0", graceMs: 3000 });
  await delay(100);
  // All of these wait for the Destroy.
  const calls: Requests = [
    ["ensure", (options) => esb.workers.ensure(probeRequest("slow"), { ...options, deadline: 200 })],
    ["pause", (options) => esb.workers.pause({ workerId: "slow-0" }, { ...options, deadline: 200 })],
    ["resume", (options) => esb.workers.resume({ workerId: "slow-0" }, { ...options, deadline: 200 })],
    ["destroy", (options) => esb.workers.destroy({ workerId: "slow-0" }, { ...options, deadline: 200 })],
  ];
  for (const [name, call] of calls) {
    const failure = await failureOf(call);
    assert.equal(failure.status, "DEADLINE_EXCEEDED", name);
    assertPrompt(failure.afterMs, 1000);
  }
  await destroying;
  const { workers } = await esb.workers.list({});
  assert.deepEqual(workers, []);
  await assertNoTraces(esb);
});

test("W1: what goes wrong inside the agent crosses the wire without its detail", async () => {
  await esb.workers.ensure(ensureRequest("leaky"));
  // The log cannot be removed: a fault that no code of the contract stands for.
  const log = join(esb.settings.ESB_STATE_DIR ?? "", "workers/leaky-0.x.1.log");
  await mkdir(log);
  const failure = await failureOf((options) => esb.workers.destroy({ workerId: "leaky-0" }, options));
  assert.deepEqual([failure.status, failure.code, failure.message], ["INTERNAL", "INTERNAL", "internal error"]);
  assert.match(await esb.agent.log(), /leaky-0\.x\.1\.log/);
  await rmdir(log);
  await esb.workers.destroy({ workerId: "leaky-0" });
  await assertNoTraces(esb);
});
