import assert from "node:assert/strict";
import { test } from "node:test";
import { startHarness, until } from "../testing/harness.ts";

test("a function error that is too large to wait for counts as one", async () => {
  await using harness = await startHarness();
  harness.agent.handler = (_request, response) => {
    response.setHeader("x-amz-function-error", "Unhandled");
    response.end(Buffer.alloc(100_000, "1"));
  };
  const answer = await harness.invoke("hello");
  assert.equal(answer.headers["x-amz-function-error"], "Unhandled");
  await until(async () => (await harness.get("/metrics")).body.includes('outcome="function_error"} 1'));
});

test("invocations, starts, phases, durations, queues and workers are counted", async () => {
  await using harness = await startHarness();
  harness.agent.handler = (_request, response, event) =>
    response.writeHead(event.toString() === "1" ? 500 : 200).end("{}");
  await harness.invoke("hello");
  await harness.invoke("hello");
  await harness.invoke("hello", "1");
  await harness.invoke("unknown");
  const has = (line: string) => async () => (await harness.get("/metrics")).body.includes(line);
  await until(has('esb_invocations_total{function="hello",outcome="ok"} 2'));
  await until(has('esb_invocations_total{function="hello",outcome="function_error"} 1'));
  const { body, headers } = await harness.get("/metrics");
  assert.match(String(headers["content-type"]), /^text\/plain/);
  for (const line of [
    'esb_invocation_starts_total{function="hello",start="cold"} 1',
    'esb_invocation_starts_total{function="hello",start="warm"} 2',
    'esb_start_phase_seconds_sum{phase="create"} 0.03',
    'esb_invocation_duration_seconds_count{function="hello"} 3',
    'esb_worker_starts_total{function="hello",kind="cold"} 1',
    'esb_evictions_total{function="hello"} 0',
    'esb_breaker_state{function="hello"} 0',
    "esb_queue_bytes 0",
    'esb_queue_length{function="hello"} 0',
    'esb_workers{function="hello",state="idle"} 1',
    "process_resident_memory_bytes",
  ]) {
    assert.ok(body.includes(line), `${line} is not in\n${body}`);
  }
  assert.ok(!body.includes("unknown"), "names that clients make up do not become metrics");
});
