import assert from "node:assert/strict";
import { test } from "node:test";
import { Status } from "nice-grpc";
import { Driver } from "../../proto/gen/esb/agent/v1/agent.ts";
import { startHarness, until } from "../testing/harness.ts";

const timeoutMs = 2000;
const functions = "functions: { hello: { image: x, timeout: 2 } }";
/** A busy machine takes its time between the gateway's clock and the worker's. */
const slackMs = 1000;

for (const [name, driver, isTold] of [
  ["over the Runtime API", Driver.RUNTIME_API, true],
  ["by an emulator", Driver.EMULATOR, false],
  ["over HTTP", Driver.HTTP, false],
] as const) {
  test(`L3 a worker that is driven ${name} is ${isTold ? "" : "not "}told when the gateway gives up`, async () => {
    await using harness = await startHarness({}, functions);
    harness.agent.driver = driver;
    const sentMs = Date.now();
    await harness.invoke("hello");
    const told = harness.agent.workers.get("hello-0")?.http.received[0]?.headers["x-esb-deadline-ms"];
    assert.equal(told !== undefined, isTold);
    if (!isTold) return;
    const deadlineMs = Number(told);
    assert.ok(Number.isSafeInteger(deadlineMs) && deadlineMs >= sentMs + timeoutMs, `${deadlineMs - sentMs} ms`);
    assert.ok(deadlineMs <= Date.now() + timeoutMs, `${deadlineMs - sentMs} ms`);
  });
}

test("L3 a runtime behind a slow thaw is told of its whole time, and has it", async () => {
  await using harness = await startHarness({ ESB_FREEZE_AFTER_MS: "10" }, functions);
  harness.agent.driver = Driver.RUNTIME_API;
  await harness.invoke("hello");
  const http = harness.agent.workers.get("hello-0")?.http;
  await until(() => http?.frozen === true);
  const gate = Promise.withResolvers<void>();
  harness.agent.gates.set("resume", gate.promise);
  let remainingMs = Number.NaN;
  harness.agent.handler = (request, response) => {
    remainingMs = Number(request.headers["x-esb-deadline-ms"]) - Date.now();
    // The function takes longer than what a clock that went through the thaw would have left of it.
    setTimeout(() => response.end('"late"'), timeoutMs - 1000);
  };
  const answering = harness.invoke("hello");
  await until(() => harness.agent.calls.includes("resume hello-0"));
  const thawingMs = 1500;
  setTimeout(gate.resolve, thawingMs);
  const answer = await answering;
  assert.deepEqual([answer.status, answer.body, answer.headers["x-esb-start"]], [200, '"late"', "thawed"]);
  assert.ok(remainingMs <= timeoutMs && remainingMs > timeoutMs - slackMs, `${remainingMs} ms`);
});

test("L3 a thaw that fails has given a runtime nothing, and the worker is replaced", async () => {
  await using harness = await startHarness({ ESB_FREEZE_AFTER_MS: "10" }, functions);
  harness.agent.driver = Driver.RUNTIME_API;
  await harness.invoke("hello");
  const http = harness.agent.workers.get("hello-0")?.http;
  await until(() => http?.frozen === true);
  harness.agent.failures.set("resume", { code: "INTERNAL", status: 13, message: "it cannot" });
  assert.equal((await harness.invoke("hello", "2")).status, 500);
  harness.agent.failures.clear();
  assert.equal((await harness.invoke("hello", "3")).status, 200);
  assert.deepEqual(
    http?.received.map(({ body }) => body),
    ["{}"],
  );
});

test("S5 L3 a thaw that meets an outage: 503, and the worker, which has been sent nothing, serves again later", async () => {
  await using harness = await startHarness({ ESB_FREEZE_AFTER_MS: "10" }, functions);
  harness.agent.driver = Driver.RUNTIME_API;
  await harness.invoke("hello");
  const worker = harness.agent.workers.get("hello-0");
  await until(() => worker?.http.frozen === true);
  const failure = { code: "RUNTIME_UNAVAILABLE", status: Status.UNAVAILABLE, message: "containerd does not answer" };
  harness.agent.failures.set("resume", failure);
  assert.equal((await harness.invoke("hello", "2")).status, 503);
  harness.agent.failures.clear();
  const answer = await harness.invoke("hello", "3");
  assert.deepEqual([answer.status, answer.headers["x-esb-start"]], [200, "thawed"]);
  assert.deepEqual(
    worker?.http.received.map(({ body }) => body),
    ["{}", "3"],
  );
  assert.ok(!harness.agent.calls.includes("destroy hello-0"));
});
