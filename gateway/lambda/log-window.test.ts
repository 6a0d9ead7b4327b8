import assert from "node:assert/strict";
import { test } from "node:test";
import { startHarness, until } from "../testing/harness.ts";

const tail = { "x-amz-log-type": "Tail" };

test("L1: LogType Tail: a worker's next request begins once the lines of the last one have been read", async () => {
  await using harness = await startHarness({}, "functions: { hello: { image: x, concurrency: { max: 1 } } }");
  const gate = Promise.withResolvers<void>();
  harness.agent.gates.set("logs", gate.promise);
  const first = harness.invoke("hello", "1", tail);
  await until(() => harness.agent.calls.includes("logs hello-0"));
  const second = harness.invoke("hello", "2");
  await until(async () => (await harness.get("/metrics")).body.includes('esb_queue_length{function="hello"} 1'));
  const received = () => harness.agent.workers.get("hello-0")?.http.received.map(({ body }) => body);
  assert.deepEqual(received(), ["1"]);
  gate.resolve();
  const log = Buffer.from(String((await first).headers["x-amz-log-result"]), "base64").toString();
  assert.match(log, /^START .*\nEND .*\nREPORT .*\n$/);
  assert.equal((await second).status, 200);
  assert.deepEqual(received(), ["1", "2"]);
});
