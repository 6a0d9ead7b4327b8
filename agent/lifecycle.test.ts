import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { AgentError } from "./errors.ts";
import { Lifecycle, type LifecycleOptions } from "./lifecycle.ts";
import { type TestService, testService } from "./workers/service.fake.ts";
import { identity } from "./workers/worker.fake.ts";

/** A lifecycle over the fake runtime that runs until the end of the test, on a clock that stands still. */
function begin(t: TestContext, { runtime, service }: TestService, prepare: LifecycleOptions["prepare"]) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const ending = new AbortController();
  const serving: boolean[] = [];
  const pauses: number[] = [];
  const logger = {
    info: () => undefined,
    warn: () => undefined,
    error: ({ retryInMs }: { retryInMs?: number }) => retryInMs !== undefined && pauses.push(retryInMs),
  } as unknown as LifecycleOptions["logger"];
  const onServing = (now: boolean) => serving.push(now);
  const sweeps: string[] = [];
  const sweeper = {
    run: async (adopted: number, signal: AbortSignal) => {
      sweeps.push(`begun, ${adopted} adopted`);
      signal.addEventListener("abort", () => sweeps.push("ended"));
    },
  };
  const lifecycle = new Lifecycle({ prepare, runtime, workers: service, sweeper, onServing, logger });
  const running = lifecycle.run(ending.signal);
  const stop = async () => {
    ending.abort();
    await running;
  };
  return { lifecycle, serving, pauses, sweeps, stop };
}

const unavailable = () => new AgentError("RUNTIME_UNAVAILABLE", "containerd does not answer");

test("it serves once all is prepared, subscribed to and read", async (t) => {
  await using parts = await testService();
  parts.runtime.put({ id: "hello-0", identity: identity(), state: "paused" });
  const prepared = Promise.withResolvers<void>();
  const { lifecycle, serving, stop } = begin(t, parts, () => prepared.promise);
  assert.throws(() => lifecycle.assertServing(), { code: "RUNTIME_UNAVAILABLE", message: "the agent is starting" });
  prepared.resolve();
  await settled();
  lifecycle.assertServing();
  assert.deepEqual(serving, [true]);
  assert.equal(parts.service.table.get("hello-0")?.state, "paused");
  await stop();
});

test("what fails is tried again, after pauses that grow up to a limit, and says why meanwhile", async (t) => {
  await using parts = await testService();
  let failing = true;
  const prepare = async () => {
    if (failing) throw unavailable();
  };
  const { lifecycle, serving, pauses, stop } = begin(t, parts, prepare);
  for (let attempt = 0; attempt < 8; attempt += 1) {
    await settled();
    assert.throws(() => lifecycle.assertServing(), { message: "containerd does not answer" });
    t.mock.timers.tick(pauses.at(-1) ?? 0);
  }
  await settled();
  assert.deepEqual(pauses, [50, 100, 200, 400, 800, 1600, 2000, 2000, 2000]);
  failing = false;
  t.mock.timers.tick(2000);
  await settled();
  lifecycle.assertServing();
  assert.equal(serving.at(-1), true);
  await stop();
});

test("when the runtime goes away it says so, and comes back by itself with what is there then", async (t) => {
  await using parts = await testService();
  const { lifecycle, serving, pauses, stop } = begin(t, parts, async () => undefined);
  await settled();
  for (const error of [unavailable(), undefined]) {
    parts.runtime.breakEvents(error);
    await settled();
    assert.throws(() => lifecycle.assertServing(), { code: "RUNTIME_UNAVAILABLE" });
    parts.runtime.put({ id: "hello-0", identity: identity() });
    t.mock.timers.tick(pauses.at(-1) ?? 0);
    await settled();
    lifecycle.assertServing();
  }
  assert.equal(parts.service.table.get("hello-0")?.state, "running");
  assert.deepEqual(serving, [true, false, true, false, true]);
  assert.deepEqual(pauses, [50, 50], "a connection that worked makes the next pause short again");
  await stop();
});

test("S3: it sweeps while it serves, and only then, telling how many workers it took on", async (t) => {
  await using parts = await testService();
  parts.runtime.put({ id: "hello-0", identity: identity(), state: "paused" });
  const prepared = Promise.withResolvers<void>();
  const { sweeps, pauses, stop } = begin(t, parts, () => prepared.promise);
  await settled();
  assert.deepEqual(sweeps, []);
  prepared.resolve();
  await settled();
  assert.deepEqual(sweeps, ["begun, 1 adopted"]);
  parts.runtime.breakEvents(unavailable());
  await settled();
  t.mock.timers.tick(pauses.at(-1) ?? 0);
  await settled();
  assert.deepEqual(sweeps, ["begun, 1 adopted", "ended", "begun, 0 adopted"]);
  await stop();
});

test("a stream that ends before the state is read does not count as serving", async (t) => {
  await using parts = await testService();
  const listing = Promise.withResolvers<void>();
  parts.runtime.at("list", () => listing.promise);
  const { serving, stop } = begin(t, parts, async () => undefined);
  await settled();
  parts.runtime.breakEvents();
  await settled();
  assert.deepEqual(serving, [false]);
  listing.reject(new Error("too late to matter"));
  await settled();
  await stop();
});

test("an error that is no AgentError is told without its detail", async (t) => {
  await using parts = await testService();
  const { lifecycle, stop } = begin(t, parts, () => Promise.reject(new Error("secret")));
  await settled();
  assert.throws(() => lifecycle.assertServing(), { code: "INTERNAL", message: "internal error" });
  await stop();
});

test("a preparation that hangs is broken off and begun anew", async (t) => {
  await using parts = await testService();
  let tries = 0;
  const prepare = (signal: AbortSignal) => {
    tries += 1;
    if (tries > 1) return Promise.resolve();
    return new Promise<void>((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
  };
  const { lifecycle, pauses, stop } = begin(t, parts, prepare);
  await settled();
  t.mock.timers.tick(60_000);
  await settled();
  assert.throws(() => lifecycle.assertServing(), { message: "preparing took more than 60 s" });
  t.mock.timers.tick(pauses.at(-1) ?? 0);
  await settled();
  lifecycle.assertServing();
  await stop();
});

test("it ends when it is told to, in any state", async (t) => {
  await using parts = await testService();
  const failing = begin(t, parts, () => Promise.reject(unavailable()));
  await settled();
  await failing.stop();
  assert.equal(parts.runtime.followed, false);
});
