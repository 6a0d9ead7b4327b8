import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { detectHostMemoryBytes } from "../../agent/oci/host-memory.ts";
import { ask, ensureRequest, failureOf } from "../support/calls.ts";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { staticServerArchive } from "../support/images.ts";
import { assertNoTraces, assertTraces, tracesOf } from "../support/traces.ts";

const fitting = 4;
const leastMib = 128;
/** The least with which `fitting` workers have at least what a function must have. */
let percent: number;
let esb: TestEsb;
/** So much that `fitting` workers are all that there is room for. */
let memoryMib: number;

before(async () => {
  const hostMib = (await detectHostMemoryBytes()) / 1024 ** 2;
  percent = Math.ceil((100 * fitting * leastMib) / hostMib);
  memoryMib = Math.floor((hostMib * percent) / 100 / fitting);
  esb = await startEsb({
    archives: [await staticServerArchive()],
    settings: { ESB_NETWORK_POOL: "0", ESB_MEMORY_PERCENT: String(percent) },
  });
});
after(() => esb?.[Symbol.asyncDispose]());

const start = (slot: number, options: object = {}) =>
  esb.workers.ensure({ ...ensureRequest("big", { memoryMib }), slot, owner: slot % 2 ? "odd" : "even" }, options);

test("G6: of twenty starts at once those that fit are made; the others are told why and leave nothing", async () => {
  const slots = Array.from({ length: 20 }, (_, slot) => slot);
  const outcomes = await Promise.allSettled(slots.map((slot) => start(slot)));
  const made = outcomes.filter((outcome) => outcome.status === "fulfilled");
  assert.equal(made.length, fitting);
  const { workers } = await esb.workers.list({});
  assert.equal(workers.length, fitting);
  const traces = await tracesOf(esb);
  assert.equal(traces.filter((trace) => trace.startsWith("container:")).length, fitting);

  const failure = await failureOf((options) => start(30, options));
  assert.deepEqual([failure.status, failure.code], ["RESOURCE_EXHAUSTED", "MEMORY_EXHAUSTED"]);
  assert.match(failure.message, new RegExp(`its ${memoryMib} MiB .* ${(fitting + 1) * memoryMib} MiB, and \\d+ MiB`));
  assert.ok(failure.message.includes(`ESB_MEMORY_PERCENT=${percent}`), failure.message);
  await assertTraces(esb, traces);
  for (const { value } of made) assert.deepEqual(await ask(value.worker, ""), { ok: true });
});

test("G6: what an agent finds at its start counts; a worker that goes makes room", async () => {
  await esb.agent.stop("SIGKILL");
  await esb.agent.start();
  await esb.agentReady();
  assert.equal((await failureOf((options) => start(30, options))).code, "MEMORY_EXHAUSTED");

  const { workers } = await esb.workers.list({});
  await esb.workers.destroy({ workerId: workers[0]?.id ?? "" });
  const { worker } = await start(30);
  assert.deepEqual(await ask(worker, ""), { ok: true });
  assert.equal((await failureOf((options) => start(31, options))).code, "MEMORY_EXHAUSTED");
  const left = (await esb.workers.list({})).workers;
  await Promise.all(left.map(({ id }) => esb.workers.destroy({ workerId: id })));
  await assertNoTraces(esb);
});
