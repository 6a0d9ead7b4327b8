import assert from "node:assert/strict";
import { test } from "node:test";
import { Status } from "nice-grpc";
import { type Harness, startHarness, until } from "../testing/harness.ts";

const frozen = (harness: Harness) => until(() => harness.agent.workers.get("hello-0")?.http.frozen === true);

test("frozen when idle, thawed by the next request, on a new connection", async () => {
  await using harness = await startHarness({ ESB_FREEZE_AFTER_MS: "10" });
  await harness.invoke("hello");
  await frozen(harness);
  const answer = await harness.invoke("hello", "1");
  assert.equal(answer.headers["x-esb-start"], "thawed");
  assert.equal(harness.agent.workers.get("hello-0")?.http.connections, 2);
});

test("the request is with the frozen worker before it thaws", async () => {
  await using harness = await startHarness({ ESB_FREEZE_AFTER_MS: "10" });
  await harness.invoke("hello");
  await frozen(harness);
  const gate = Promise.withResolvers<void>();
  harness.agent.gates.set("resume", gate.promise);
  const answering = harness.invoke("hello");
  const http = harness.agent.workers.get("hello-0")?.http;
  await until(() => http?.connections === 2);
  gate.resolve();
  assert.equal((await answering).status, 200);
});

test("freeze at once: every request meets the freeze somewhere, none is lost", async () => {
  await using harness = await startHarness({ ESB_FREEZE_AFTER_MS: "0" });
  harness.agent.handler = (_request, response, event) => response.end(event);
  for (let round = 0; round < 30; round++) {
    const answers = await Promise.all([1, 2, 3].map((n) => harness.invoke("hello", String(round * 10 + n))));
    assert.deepEqual(
      answers.map(({ body }) => Number(body) - round * 10),
      [1, 2, 3],
    );
  }
  assert.equal(harness.agent.calls.filter((call) => call === "ensure hello-0").length, 1);
});

test("a freeze that is held up in the agent: the request is answered", async () => {
  await using harness = await startHarness({ ESB_FREEZE_AFTER_MS: "0" });
  await harness.invoke("hello");
  await frozen(harness);
  await harness.invoke("hello");
  const gate = Promise.withResolvers<void>();
  harness.agent.gates.set("pause", gate.promise);
  await until(() => harness.agent.calls.filter((call) => call === "pause hello-0").length === 2);
  const answering = harness.invoke("hello");
  setTimeout(gate.resolve, 20);
  assert.equal((await answering).status, 200);
});

test("a frozen worker that is gone when it should thaw: the request is served by another, once", async () => {
  await using harness = await startHarness({ ESB_FREEZE_AFTER_MS: "10" });
  await harness.invoke("hello");
  await frozen(harness);
  await harness.agent.kill("hello-0", undefined, false);
  const answer = await harness.invoke("hello", "1");
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["x-esb-start"], "cold");
  const received = [...harness.agent.workers.values()].map(({ http }) => http.received.length);
  assert.deepEqual(received, [1]);
});

test("a frozen worker that is gone, and so is the client: no other is started for nobody", async () => {
  await using harness = await startHarness({ ESB_FREEZE_AFTER_MS: "10" });
  await harness.invoke("hello");
  await frozen(harness);
  const gate = Promise.withResolvers<void>();
  harness.agent.gates.set("resume", gate.promise);
  const leave = new AbortController();
  const url = `${harness.url}/2015-03-31/functions/hello/invocations`;
  const gone = assert.rejects(fetch(url, { method: "POST", body: "1", signal: leave.signal }));
  await until(() => harness.agent.calls.includes("resume hello-0"));
  leave.abort();
  await gone;
  // A request after it has left shows that the gateway has seen its connection close.
  await harness.get("/health");
  await harness.agent.kill("hello-0", undefined, false);
  gate.resolve();
  await until(async () => (await harness.get("/metrics")).body.includes('outcome="refused"} 1'));
  assert.equal(harness.agent.calls.filter((call) => call === "ensure hello-0").length, 1);
});

test("a thaw that fails with the request in the worker's socket: 503, and that worker never serves it", async () => {
  await using harness = await startHarness({ ESB_FREEZE_AFTER_MS: "10" });
  await harness.invoke("hello");
  await frozen(harness);
  harness.agent.failures.set("resume", {
    code: "RUNTIME_UNAVAILABLE",
    status: Status.UNAVAILABLE,
    message: "containerd does not answer",
  });
  const answer = await harness.invoke("hello", "1");
  assert.equal(answer.status, 503);
  assert.equal(answer.headers["retry-after"], "1");
  assert.match(answer.body, /containerd does not answer/);
  await until(() => harness.agent.calls.includes("destroy hello-0"));
});
