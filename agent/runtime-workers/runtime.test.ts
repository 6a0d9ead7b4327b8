import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { FakeRuntime } from "../workers/runtime.fake.ts";
import type { ContainerRuntime, MeasurePhase, RuntimeEvent } from "../workers/runtime.ts";
import { functionSpec, identity } from "../workers/worker.fake.ts";
import { withRuntimeApi } from "./runtime.ts";
import { FakeRuntimeApi } from "./runtime-api.fake.ts";

const never = new AbortController().signal;
const measure: MeasurePhase = (_phase, work) => work();
const place = {
  driver: "runtime-api",
  endpoint: { host: "254.0.0.9", port: 8080 },
  sourceAddress: "10.63.0.9",
  runtimeApi: { api: { host: "10.63.0.1", port: 9001 }, isShared: true },
} as const;

/** Containers in memory of which each has a Lambda runtime. */
function setUp() {
  const containers = new FakeRuntime();
  containers.driver = "runtime-api";
  const api = new FakeRuntimeApi();
  const warned: string[] = [];
  const logger = { warn: (_fields: object, text: string) => warned.push(text), debug: () => undefined } as never;
  const start = containers.start.bind(containers);
  containers.start = async (request, ...rest) => {
    await request.onPlaced?.(place);
    return start({ ...request, onPlaced: undefined }, ...rest);
  };
  // As containerd's own, an object of functions.
  const parts: ContainerRuntime = {
    start: (...args) => containers.start(...args),
    inspect: (...args) => containers.inspect(...args),
    list: (...args) => containers.list(...args),
    pause: (...args) => containers.pause(...args),
    resume: (...args) => containers.resume(...args),
    destroy: (...args) => containers.destroy(...args),
    kill: (...args) => containers.kill(...args),
    limitCpu: (...args) => containers.limitCpu(...args),
    stats: (...args) => containers.stats(...args),
    isListener: () => containers.isListener(),
    events: (...args) => containers.events(...args),
  };
  const runtime = withRuntimeApi(parts, { api, admission: { region: "r", initTimeoutMs: 7 }, logger });
  const begin = (instanceId: string) =>
    runtime.start({ identity: identity({ instanceId }), function: functionSpec() }, measure, never);
  return { containers, api, runtime, begin, warned };
}

/** Collects events until its end. */
function following(runtime: { events(signal: AbortSignal): AsyncIterable<RuntimeEvent> }) {
  const ending = new AbortController();
  const events: RuntimeEvent[] = [];
  const read = async () => {
    for await (const event of runtime.events(ending.signal)) events.push(event);
  };
  const reading = read().catch(() => undefined);
  return {
    events,
    async [Symbol.asyncDispose]() {
      ending.abort();
      await reading;
    },
  };
}

test("L3: a worker is admitted before any of it runs, and forgotten when it is gone", async () => {
  const { api, runtime, begin, containers } = setUp();
  containers.at("start", () => assert.ok(api.admissions.has("a"), "before it is started"));
  await begin("a");
  const admission = api.admissions.get("a");
  assert.deepEqual(
    [admission?.sourceAddress, admission?.invocationAddress, admission?.runtimePort, admission?.initTimeoutMs],
    ["10.63.0.9", "254.0.0.9", 9001, 7],
  );
  await runtime.destroy("hello-0", 0);
  assert.deepEqual(api.calls, ["admit a", "forget a"]);
});

test("L3: a start that fails is forgotten; one that cannot be admitted leaves no container", async () => {
  const { api, begin, containers } = setUp();
  containers.at("start", () => Promise.reject(new Error("no shim")));
  await assert.rejects(begin("a"), /no shim/);
  assert.equal(api.admissions.size, 0);
  containers.at("create", () => api.kill());
  await assert.rejects(begin("b"), { code: "RUNTIME_UNAVAILABLE" });
  assert.equal(containers.workers.size, 0);
});

test("L3: while nobody serves the Runtime API, no container is made for nothing", async () => {
  const { api, begin, containers } = setUp();
  api.kill();
  await assert.rejects(begin("a"), { code: "RUNTIME_UNAVAILABLE" });
  assert.equal(containers.starts.length, 0);
});

test("L3: as on AWS, only a worker whose extensions want to be told of its end is given time", async () => {
  for (const wantsTime of [true, false]) {
    const { api, runtime, begin, containers } = setUp();
    api.wantsTime = wantsTime;
    await begin("a");
    await runtime.destroy("hello-0", 2000);
    assert.ok(api.calls.includes("shutdown a 2000"));
    assert.deepEqual(containers.calls.at(-1), `destroy hello-0 ${wantsTime ? 2000 : 0}`);
  }
});

test("L3: a worker in which something still works on an invocation is not frozen", async () => {
  const { api, runtime, begin, containers } = setUp();
  await begin("a");
  api.busy.add("a");
  await assert.rejects(runtime.pause("hello-0", never), { code: "WORKER_CONFLICT" });
  assert.equal(containers.count("pause"), 0);
  api.busy.delete("a");
  await runtime.pause("hello-0", never);
  assert.equal(containers.workers.get("hello-0")?.state, "paused");
});

test("L3: an end is told at once with its status, of this very process, also one from before the start returned", async () => {
  const { api, runtime, begin, containers } = setUp();
  await using _following = following(runtime);
  await settled();
  const { pid } = await begin("a");
  containers.emit({ type: "exited", id: "hello-0", pid: pid + 1, exitStatus: 1 });
  containers.emit({ type: "exited", id: "hello-0", pid, exitStatus: 3 });
  await settled();
  containers.workers.delete("hello-0");
  containers.at("start", () => containers.emit({ type: "exited", id: "hello-0", pid: pid + 1, exitStatus: 4 }));
  await begin("b");
  await settled();
  assert.deepEqual(
    api.calls.filter((call) => call.startsWith("exited")),
    ["exited a 3", "exited b 4"],
  );
});

test("L3: an extension's end is told and ends its worker; not while that ends anyhow, nor the next one of its id", async () => {
  const { api, runtime, begin, containers } = setUp();
  await using followed = following(runtime);
  await settled();
  const ended = (instanceId: string) =>
    containers.emit({ type: "extension-ended", id: "hello-0", instanceId, exitStatus: 0 });
  await begin("a");
  ended("a");
  await settled();
  const [told] = followed.events;
  assert.deepEqual(told, { type: "extension-ended", id: "hello-0", instanceId: "a", exitStatus: 0 });
  containers.at("destroy", () => ended("a"));
  await runtime.destroy("hello-0", 0);
  await begin("b");
  ended("a");
  await settled();
  assert.equal(followed.events.length, 1);
  assert.deepEqual(
    api.calls.filter((call) => call.startsWith("extensionExited")),
    ["extensionExited a 0"],
  );
});

test("L3: who served the Runtime API and has been started anew serves no old worker: these are abandoned", async () => {
  const { api, runtime, begin, containers, warned } = setUp();
  await using followed = following(runtime);
  const { pid } = await begin("a");
  await settled();
  api.kill();
  await settled();
  assert.equal((await runtime.inspect("hello-0", never))?.state, "running", "while it is away nothing is known");
  api.start();
  for (let turn = 0; turn < 10; turn += 1) await settled();
  assert.deepEqual(followed.events, [{ type: "abandoned", id: "hello-0", pid }]);
  assert.equal((await runtime.inspect("hello-0", never))?.state, "stopped");
  assert.match(warned.join(), /has ended: its workers go too/);
  assert.equal(containers.workers.size, 1, "what becomes of it is for others to decide");
});

test("L3: an agent that starts anew keeps those that are admitted, and forgets what nobody has", async () => {
  const { api, runtime, containers } = setUp();
  await api.admit({ instanceId: "kept" } as never);
  await api.admit({ instanceId: "left over" } as never);
  containers.put({ id: "hello-0", identity: identity({ instanceId: "kept" }), state: "paused" });
  containers.put({ id: "hello-1", identity: identity({ id: "hello-1", instanceId: "unknown" }) });
  await using followed = following(runtime);
  for (let turn = 0; turn < 10; turn += 1) await settled();
  assert.deepEqual([...api.admissions.keys()], ["kept"]);
  assert.deepEqual(
    followed.events.map(({ id }) => id),
    ["hello-1"],
  );
  const states = (await runtime.list(never)).map(({ state }) => state);
  assert.deepEqual(states, ["paused", "stopped"]);
});
