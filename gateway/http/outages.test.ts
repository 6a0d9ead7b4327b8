import assert from "node:assert/strict";
import { test } from "node:test";
import { Status } from "nice-grpc";
import { AgentServiceDefinition, WorkerState } from "../../proto/gen/esb/agent/v1/agent.ts";
import { startHarness, until } from "../testing/harness.ts";

const isReady = (harness: { get(path: string): Promise<{ status: number }> }) => async () =>
  (await harness.get("/ready")).status === 200;

test("the agent is away at the start: 503 at once, /ready says so; once it is there all works", async () => {
  await using harness = await startHarness({}, undefined, false);
  assert.equal((await harness.get("/health")).status, 200);
  const ready = await harness.get("/ready");
  assert.equal(ready.status, 503);
  const told = JSON.parse(ready.body);
  assert.equal(told.ready, false);
  assert.equal(told.agent.available, false);
  assert.equal(told.functions.count, 1);

  const fastest = [];
  for (let attempt = 0; attempt < 3; attempt++) {
    const beganMs = performance.now();
    const answer = await harness.invoke("hello");
    fastest.push(performance.now() - beganMs);
    assert.equal(answer.status, 503);
    assert.equal(answer.headers["retry-after"], "1");
    assert.equal(answer.headers["x-amzn-errortype"], "ServiceException");
    assert.match(JSON.parse(answer.body).Message, /agent does not answer/);
  }
  // A call that were made again until the agent is back would take ten seconds.
  assert.ok(Math.min(...fastest) < 2000, `${fastest} ms`);

  await harness.agent.listen(harness.address);
  await until(isReady(harness));
  assert.equal((await harness.invoke("hello")).status, 200);
});

test("the agent goes: a warm worker serves on, what needs the agent is 503; it comes back: all works", async () => {
  await using harness = await startHarness({}, "functions: { hello: { image: x }, other: { image: x } }");
  await harness.invoke("hello");
  harness.agent.stop();
  assert.equal((await harness.invoke("hello")).status, 200);
  assert.equal((await harness.invoke("other")).status, 503);
  await harness.agent.listen(harness.address);
  await until(async () => (await harness.invoke("other")).status === 200);
  assert.equal((await harness.invoke("hello")).headers["x-esb-start"], "warm");
});

test("the agent is away: a frozen worker's request is 503 and is not given to it; later it is thawed", async () => {
  await using harness = await startHarness({ ESB_FREEZE_AFTER_MS: "10" });
  await harness.invoke("hello");
  const worker = () => harness.agent.workers.get("hello-0");
  await until(() => worker()?.http.frozen === true);
  harness.agent.stop();
  await until(async () => (await harness.get("/ready")).status === 503);
  assert.equal((await harness.invoke("hello", "1")).status, 503);
  assert.equal(worker()?.http.connections, 1);
  await harness.agent.listen(harness.address);
  await until(isReady(harness));
  const answer = await harness.invoke("hello", "2");
  assert.equal(answer.headers["x-esb-start"], "thawed");
  assert.deepEqual(
    worker()?.http.received.map(({ body }) => body),
    ["{}", "2"],
  );
});

test("containerd is away: /ready says which", async () => {
  await using harness = await startHarness();
  await until(isReady(harness));
  harness.agent.health.setStatus("unhealthy", AgentServiceDefinition.fullName);
  const ready = await harness.get("/ready");
  assert.equal(ready.status, 503);
  const told = JSON.parse(ready.body);
  assert.equal(told.agent.available, true);
  assert.equal(told.containerd.available, false);
});

test("workers from before the gateway's start are warm for it; those of functions that are gone are destroyed", async () => {
  await using first = await startHarness();
  await first.invoke("hello");
  await using second = await startHarness({}, undefined, false);
  await second.agent.add("hello");
  await second.agent.add("gone");
  second.agent.setState("hello-0", WorkerState.PAUSED);
  await second.agent.listen(second.address);
  await until(() => second.agent.calls.includes("destroy gone-0"));
  await until(isReady(second));
  assert.equal((await second.invoke("hello")).headers["x-esb-start"], "thawed");
  assert.equal((await second.invoke("hello")).headers["x-esb-start"], "warm");
});

const startFailures: ReadonlyArray<readonly [string, Status, number, string, string | undefined]> = [
  ["IMAGE_NOT_FOUND", Status.NOT_FOUND, 502, "InvalidRuntimeException", undefined],
  ["IMAGE_INVALID", Status.FAILED_PRECONDITION, 502, "InvalidRuntimeException", undefined],
  ["IMAGE_PULL_FAILED", Status.UNAVAILABLE, 503, "ServiceException", "5"],
  ["WORKER_START_FAILED", Status.FAILED_PRECONDITION, 502, "InvalidRuntimeException", undefined],
  ["WORKER_EXITED", Status.FAILED_PRECONDITION, 502, "InvalidRuntimeException", undefined],
  ["WORKER_OUT_OF_MEMORY", Status.FAILED_PRECONDITION, 502, "InvalidRuntimeException", undefined],
  ["WORKER_NOT_READY", Status.FAILED_PRECONDITION, 502, "InvalidRuntimeException", undefined],
  ["NETWORK_FAILED", Status.INTERNAL, 502, "EC2UnexpectedException", undefined],
  ["NETWORK_EXHAUSTED", Status.RESOURCE_EXHAUSTED, 502, "SubnetIPAddressLimitReachedException", "5"],
  ["INTERNAL", Status.INTERNAL, 500, "ServiceException", undefined],
  ["toString", Status.INTERNAL, 500, "ServiceException", undefined],
];
test("a worker that cannot be started: Lambda's name and status, the agent's own words", async (t) => {
  // A function for each, whose breaker stays closed.
  const names = startFailures.map(([code]) => `fails-${code.replaceAll("_", "-")}`);
  await using harness = await startHarness(
    {},
    `functions: { ${names.map((one) => `${one}: { image: x }`).join(", ")} }`,
  );
  for (const [code, status, expected, name, retryAfter] of startFailures) {
    await t.test(code, async () => {
      harness.agent.failures.set("ensure", { code, status, message: `because of ${code}` });
      const answer = await harness.invoke(`fails-${code.replaceAll("_", "-")}`);
      assert.equal(answer.status, expected);
      assert.equal(answer.headers["x-amzn-errortype"], name);
      assert.equal(answer.headers["retry-after"], retryAfter);
      assert.match(answer.body, new RegExp(`because of ${code}`));
    });
  }
  harness.agent.failures.clear();
  assert.equal((await harness.invoke(names[0] ?? "")).status, 200);
});
