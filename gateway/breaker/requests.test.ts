import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { Status } from "nice-grpc";
import { type Harness, startHarness, until } from "../testing/harness.ts";

const two = "functions: { hello: { image: x }, other: { image: x } }";
const badImage = { code: "IMAGE_INVALID", status: Status.FAILED_PRECONDITION, message: "no command in the image" };

const asked = ({ agent }: Harness) => agent.calls.filter((call) => call.startsWith("ensure hello")).length;

async function breakerState(harness: Harness, name: string): Promise<string | undefined> {
  const { body } = await harness.get("/metrics");
  return new RegExp(`^esb_breaker_state\\{function="${name}"\\} (\\d)$`, "m").exec(body)?.[1];
}

/** Twenty requests, one after the other; what each was told. */
async function twenty(harness: Harness) {
  const answers = [];
  for (let request = 0; request < 20; request++) answers.push(await harness.invoke("hello"));
  return answers;
}

/** At most one trial a second beside the first three, on a machine that is that slow. */
function assertAskedThrice(harness: Harness, beganMs: number) {
  const most = 3 + Math.floor((performance.now() - beganMs) / 1000);
  assert.ok(asked(harness) >= 3 && asked(harness) <= most, `asked ${asked(harness)} times, expected 3 to ${most}`);
}

test("G8: of twenty requests for a function that cannot start, three ask the agent; all are told why", async () => {
  await using harness = await startHarness({}, two);
  harness.agent.failures.set("ensure", badImage);
  const beganMs = performance.now();
  const answers = await twenty(harness);
  assertAskedThrice(harness, beganMs);
  for (const answer of answers) {
    assert.equal(answer.status, 502);
    assert.equal(answer.headers["x-amzn-errortype"], "InvalidRuntimeException");
    assert.match(JSON.parse(answer.body).Message, /^no command in the image/);
  }
  const suspended = answers.filter(({ headers }) => headers["retry-after"] !== undefined);
  assert.equal(suspended.length, 20 - asked(harness));
  assert.match(JSON.parse(suspended[0]?.body ?? "").Message, /the next is tried in 1 s/);
  assert.notEqual(await breakerState(harness, "hello"), "0");
  harness.agent.failures.clear();
  assert.equal((await harness.invoke("other")).status, 200);
  assert.equal(await breakerState(harness, "other"), "0");
});

test("G8: requests at the same time are no reason to ask more often", async () => {
  await using harness = await startHarness({}, two);
  harness.agent.failures.set("ensure", badImage);
  const beganMs = performance.now();
  await Promise.all(Array.from({ length: 20 }, () => harness.invoke("hello")));
  assertAskedThrice(harness, beganMs);
});

test("G8: once it can start again it is served within the rest, and the breaker is closed", async () => {
  await using harness = await startHarness({}, two);
  harness.agent.failures.set("ensure", badImage);
  await twenty(harness);
  harness.agent.failures.clear();
  await until(async () => (await harness.invoke("hello")).status === 200);
  assert.equal(await breakerState(harness, "hello"), "0");
});

test("G8: a changed function is tried at once", async () => {
  await using harness = await startHarness({}, two);
  harness.agent.failures.set("ensure", badImage);
  await twenty(harness);
  harness.agent.failures.clear();
  await writeFile(harness.file, two.replaceAll("x }", "y }"));
  await until(async () => (await breakerState(harness, "hello")) === "0");
  assert.equal((await harness.invoke("hello")).status, 200);
});

test("G8: a function's own errors never open it", async () => {
  await using harness = await startHarness({}, two);
  harness.agent.handler = (_request, response) => response.writeHead(500).end("{}");
  const answers = await twenty(harness);
  assert.ok(answers.every(({ headers }) => headers["x-amz-function-error"] === "Unhandled"));
  assert.equal(await breakerState(harness, "hello"), "0");
});

for (const code of ["MEMORY_EXHAUSTED", "HOST_EXHAUSTED", "NETWORK_EXHAUSTED", "NETWORK_FAILED", "WORKER_CONFLICT"]) {
  test(`G8: what is not the function's fault never opens it: ${code}`, async () => {
    await using harness = await startHarness({}, "functions: { hello: { image: x } }");
    harness.agent.failures.set("ensure", { code, status: Status.RESOURCE_EXHAUSTED, message: "so it is" });
    await twenty(harness);
    assert.equal(await breakerState(harness, "hello"), "0");
    harness.agent.failures.clear();
    assert.equal((await harness.invoke("hello")).status, 200);
  });
}

test("G8: the agent away never opens it", async () => {
  await using harness = await startHarness({}, two);
  harness.agent.stop();
  await until(async () => (await harness.invoke("hello")).status === 503);
  const answers = await twenty(harness);
  assert.ok(answers.every(({ status }) => status === 503));
  assert.equal(await breakerState(harness, "hello"), "0");
});
