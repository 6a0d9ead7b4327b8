import assert from "node:assert/strict";
import { test } from "node:test";
import { startHarness } from "../testing/harness.ts";

test("a cold, then a warm invocation: the event goes in as it is, the answer comes out as it is", async () => {
  await using harness = await startHarness();
  harness.agent.handler = (_request, response, body) => {
    response.setHeader("content-type", "application/json; charset=utf-8");
    response.end(`{"got": ${body} }`);
  };
  const cold = await harness.invoke("hello", '{"name":  1.0}');
  assert.equal(cold.status, 200);
  assert.equal(cold.body, '{"got": {"name":  1.0} }');
  assert.equal(cold.headers["content-type"], "application/json; charset=utf-8");
  assert.equal(cold.headers["x-amz-executed-version"], "$LATEST");
  assert.equal(cold.headers["x-esb-start"], "cold");
  assert.equal(cold.headers["x-esb-worker"], "hello-0");
  assert.equal(
    cold.headers["server-timing"],
    "image;dur=1, snapshot;dur=2.5, network;dur=0, create;dur=30, start;dur=0, ready;dur=0, total;dur=45",
  );
  const warm = await harness.invoke("hello");
  assert.equal(warm.headers["x-esb-start"], "warm");
  assert.equal(warm.headers["server-timing"], undefined);
  assert.deepEqual(
    harness.agent.calls.filter((call) => call.startsWith("ensure")),
    ["ensure hello-0"],
  );
});
