import assert from "node:assert/strict";
import { test } from "node:test";
import { ensureRequest, never, testService, until } from "./service.fake.ts";

const memoryBytes = ensureRequest().function.memoryBytes;
const hello = { id: "hello-0", instanceId: undefined };

test("W4: a worker is held to its share of CPU behind its start, and once", async () => {
  await using t = await testService();
  await t.service.ensure(ensureRequest(), never);
  await until(() => t.runtime.cpuLimits.get("hello-0") === memoryBytes);
  await t.service.ensure(ensureRequest(), never);
  await t.service.pause(hello, never);
  assert.equal(t.runtime.count("limitCpu"), 1);
});

test("a worker that was there before this agent is limited when somebody asks for it", async () => {
  await using t = await testService();
  await t.service.ensure(ensureRequest(), never);
  await using next = await testService();
  const worker = t.runtime.workers.get("hello-0");
  assert.ok(worker);
  next.runtime.put(worker);
  await next.service.synchronise(never);
  assert.equal(next.runtime.count("limitCpu"), 0);
  assert.equal((await next.service.ensure(ensureRequest(), never)).startKind, "warm");
  await until(() => next.runtime.cpuLimits.get("hello-0") === memoryBytes);
});

test("a worker that is destroyed first is not limited; one that takes its place is", async () => {
  await using t = await testService();
  const destroyed = t.service.ensure(ensureRequest(), never).then(() => t.service.destroy(hello));
  await destroyed;
  await t.service.ensure(ensureRequest(), never);
  await until(() => t.runtime.cpuLimits.get("hello-0") === memoryBytes);
  assert.deepEqual(t.warnings, []);
});

test("a limit that cannot be set is told of, fails no call, and is tried again", async () => {
  await using t = await testService();
  t.runtime.at("limitCpu", () => Promise.reject(new Error("not implemented")));
  await t.service.ensure(ensureRequest(), never);
  await until(() => t.warnings.length > 0);
  assert.match(t.warnings[0] ?? "", /share of CPU time: not implemented/);
  t.runtime.at("limitCpu", () => undefined);
  await t.service.ensure(ensureRequest(), never);
  await until(() => t.runtime.cpuLimits.get("hello-0") === memoryBytes);
});
