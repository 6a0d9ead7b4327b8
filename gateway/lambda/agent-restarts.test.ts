import assert from "node:assert/strict";
import { test } from "node:test";
import { startHarness, until } from "../testing/harness.ts";

/** S1: what is under way when the agent is restarted is not lost. */

test("S1: the agent is restarted while a worker starts for a request: it is answered", async () => {
  await using harness = await startHarness();
  const gate = Promise.withResolvers<void>();
  harness.agent.gates.set("ensure", gate.promise);
  const answering = harness.invoke("hello");
  await until(() => harness.agent.calls.includes("ensure hello-0"));
  harness.agent.stop();
  harness.agent.gates.clear();
  gate.resolve();
  await harness.agent.listen(harness.address);
  assert.equal((await answering).status, 200);
});

test("S1: the agent is restarted while a worker thaws under a request: that very worker answers it, once, in its full time", async () => {
  await using harness = await startHarness(
    { ESB_FREEZE_AFTER_MS: "10" },
    "functions: { hello: { image: x, timeout: 1 } }",
  );
  await harness.invoke("hello");
  const http = harness.agent.workers.get("hello-0")?.http;
  await until(() => http?.frozen === true);
  const gate = Promise.withResolvers<void>();
  harness.agent.gates.set("resume", gate.promise);
  const answering = harness.invoke("hello", "1");
  await until(() => harness.agent.calls.includes("resume hello-0") && http?.connections === 2);
  harness.agent.stop();
  harness.agent.gates.clear();
  gate.resolve();
  // Longer than the function may run: the time counts from when it does.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await harness.agent.listen(harness.address);
  const answer = await answering;
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["x-amz-function-error"], undefined);
  assert.deepEqual(
    http?.received.map(({ body }) => body),
    ["{}", "1"],
  );
  assert.equal(
    harness.agent.calls.some((call) => call.startsWith("destroy")),
    false,
  );
});

test("S5: the agent goes with a request in the queue for a busy worker: it is served when that is free", async () => {
  await using harness = await startHarness({}, "functions: { hello: { image: x, concurrency: { max: 1 } } }");
  const running: (() => void)[] = [];
  harness.agent.handler = (_request, response) => running.push(() => response.end("{}"));
  const first = harness.invoke("hello");
  await until(() => running.length === 1);
  const second = harness.invoke("hello");
  harness.agent.stop();
  running[0]?.();
  await until(() => running.length === 2);
  running[1]?.();
  assert.deepEqual([(await first).status, (await second).status], [200, 200]);
});
