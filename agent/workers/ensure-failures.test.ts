import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { AgentError } from "../errors.ts";
import { specDigest } from "./identity.ts";
import { hang } from "./runtime.fake.ts";
import { changesOf, ensureRequest, never, testService, until } from "./service.fake.ts";
import { functionSpec, identity } from "./worker.fake.ts";

const phases = ["image", "network", "create", "snapshot", "start"] as const;

test("a failure in any phase is told as it is, leaves nothing, and the next Ensure works", async () => {
  for (const phase of phases) {
    await using t = await testService();
    t.runtime.at(phase, () => Promise.reject(new AgentError("WORKER_START_FAILED", `${phase} failed`)));
    await assert.rejects(t.service.ensure(ensureRequest(), never), new RegExp(`${phase} failed`));
    assert.equal(t.runtime.workers.size, 0, phase);
    assert.deepEqual(t.service.table.all(), []);
    t.runtime.at(phase, () => undefined);
    assert.equal((await t.service.ensure(ensureRequest(), never)).startKind, "cold");
  }
});

test("an abort in any phase is told as the caller's own, leaves nothing, and the next Ensure works", async () => {
  for (const phase of phases) {
    await using t = await testService();
    const reached = Promise.withResolvers<void>();
    t.runtime.at(phase, (id, signal) => {
      reached.resolve();
      return hang(id, signal);
    });
    const controller = new AbortController();
    const ensuring = t.service.ensure(ensureRequest(), controller.signal);
    await reached.promise;
    controller.abort(new Error("the client left"));
    await assert.rejects(ensuring, /the client left/);
    t.runtime.at(phase, () => undefined);
    assert.equal((await t.service.ensure(ensureRequest(), never)).startKind, "cold", phase);
    assert.equal(t.runtime.workers.size, 1);
    assert.deepEqual(t.warnings, []);
  }
});

test("an abort while it is not ready yet removes the new worker", async () => {
  await using t = await testService({ listening: false });
  const started = Promise.withResolvers<void>();
  t.runtime.at("start", () => started.resolve());
  const controller = new AbortController();
  const ensuring = t.service.ensure(ensureRequest(), controller.signal);
  await started.promise;
  await settled();
  controller.abort(new Error("the client left"));
  await assert.rejects(ensuring, /the client left/);
  await t.service.destroy({ id: "hello-0", instanceId: undefined });
  assert.equal(t.runtime.count("destroy"), 2, "one by the Ensure itself, before our turn");
  assert.deepEqual(t.service.table.all(), []);
});

test("an abort of a warm or thawed Ensure leaves the healthy worker alone", async () => {
  for (const state of ["running", "paused"] as const) {
    await using t = await testService();
    await t.service.ensure(ensureRequest(), never);
    t.runtime.change("hello-0", state);
    const reached = Promise.withResolvers<void>();
    t.runtime.at(state === "paused" ? "resume" : "inspect", (id, signal) => {
      reached.resolve();
      return hang(id, signal);
    });
    const controller = new AbortController();
    const ensuring = t.service.ensure(ensureRequest(), controller.signal);
    await reached.promise;
    controller.abort(new Error("the client left"));
    await assert.rejects(ensuring, /the client left/);
    await settled();
    assert.equal(t.runtime.workers.get("hello-0")?.state, state);
    assert.equal(t.runtime.count("destroy"), 0);
    assert.notEqual(t.service.table.get("hello-0"), undefined);
  }
});

test("an abort of a warm Ensure whose worker does not listen leaves it alone", async () => {
  await using t = await testService({ listening: false });
  t.runtime.put({ id: "hello-0", identity: identity({ specDigest: specDigest(functionSpec()) }) });
  const looked = Promise.withResolvers<void>();
  t.runtime.at("inspect", () => looked.resolve());
  const controller = new AbortController();
  const ensuring = t.service.ensure(ensureRequest(), controller.signal);
  await looked.promise;
  await settled();
  controller.abort(new Error("the client left"));
  await assert.rejects(ensuring, /the client left/);
  await settled();
  assert.equal(t.runtime.workers.size, 1);
});

test("never ready: told as that, and removed", async () => {
  await using t = await testService({ listening: false, readyTimeoutMs: 1 });
  await assert.rejects(t.service.ensure(ensureRequest(), never), { code: "WORKER_NOT_READY" });
  assert.equal(t.runtime.workers.size, 0);
});

test("an end before it is ready is told with its status, or as the memory limit's or the runtime's doing", async () => {
  const own = { exitStatus: 3, outOfMemory: false };
  for (const [exit, code, message, removal] of [
    [own, "WORKER_EXITED", /hello-0 ended with status 3 before/, "removed hello-0 exited"],
    [
      { ...own, outOfMemory: true },
      "WORKER_OUT_OF_MEMORY",
      /hello-0 went over its memory limit/,
      "removed hello-0 out-of-memory",
    ],
    [{ ...own, abandoned: true }, "RUNTIME_UNAVAILABLE", /the runtime lost worker hello-0/, "removed hello-0 exited"],
  ] as const) {
    await using t = await testService({ listening: false });
    const { position } = t.service.table;
    const ensuring = t.service.ensure(ensureRequest(), never);
    const failed = assert.rejects(
      ensuring,
      (error) => error instanceof AgentError && error.code === code && message.test(error.message),
    );
    await until(() => t.runtime.workers.get("hello-0")?.state === "running");
    const pid = t.runtime.workers.get("hello-0")?.pid ?? 0;
    await t.service.noticeExit("hello-0", pid, exit);
    await failed;
    assert.equal(t.runtime.workers.size, 0);
    assert.equal(t.runtime.count("destroy"), 1, "by the Ensure, and not again by the notice");
    assert.deepEqual(await changesOf(t.service, position), ["changed hello-0 starting", removal]);
  }
});

test("an end that is told before the start has returned is not missed", async () => {
  await using t = await testService({ listening: false });
  t.runtime.at("start", (id) => {
    const pid = t.runtime.workers.get(id)?.pid;
    if (pid !== undefined) t.service.exits.announce(id, pid, { exitStatus: 127, outOfMemory: false });
  });
  await assert.rejects(t.service.ensure(ensureRequest(), never), /status 127/);
});

test("a clean-up that fails does not hide the first error, and the next Ensure takes over what is left", async () => {
  await using t = await testService({ listening: false, readyTimeoutMs: 1 });
  t.runtime.at("destroy", () => Promise.reject(new Error("device busy")));
  await assert.rejects(t.service.ensure(ensureRequest(), never), (error) => {
    assert.ok(error instanceof AgentError && error.cause instanceof AggregateError);
    return error.code === "WORKER_NOT_READY" && error.cause.errors[1].message === "device busy";
  });
  t.runtime.at("destroy", () => undefined);
  await assert.rejects(t.service.ensure(ensureRequest(), never), { code: "WORKER_NOT_READY" });
  assert.equal(t.runtime.workers.size, 0);
});

test("a clean-up that fails when nobody waits any more is logged", async () => {
  await using t = await testService({ listening: false });
  t.runtime.at("destroy", () => Promise.reject(new Error("device busy")));
  const controller = new AbortController();
  const ensuring = t.service.ensure(ensureRequest(), controller.signal);
  await until(() => t.runtime.workers.get("hello-0")?.state === "running");
  controller.abort();
  await assert.rejects(ensuring, { name: "AbortError" });
  await until(() => t.warnings.length > 0);
  assert.match(t.warnings.join(), /a start that was broken off failed: the work failed, and so did cleaning up/);
});
