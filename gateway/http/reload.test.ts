import assert from "node:assert/strict";
import { rename, unlink, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { startHarness, until } from "../testing/harness.ts";

const one = "functions: { hello: { image: x } }";
const two = "functions: { hello: { image: x }, mine: { image: y } }";

test("a function is added and invoked at once", async () => {
  await using harness = await startHarness({}, one);
  assert.equal((await harness.invoke("mine")).status, 404);
  await writeFile(harness.file, two);
  assert.equal((await harness.invoke("mine")).status, 200);
});

test("broken later: the last good one holds, /ready shows file, line and column, and mending it mends it", async () => {
  await using harness = await startHarness({}, one);
  await writeFile(harness.file, "functions:\n  hello: { image: x, memory: 1 }\n");
  let functions = { error: undefined, count: 0 };
  await until(async () => {
    functions = JSON.parse((await harness.get("/ready")).body).functions;
    return functions.error !== undefined;
  });
  assert.equal(functions.count, 1);
  assert.match(String(functions.error), /functions\.yml:2:30: functions\.hello\.memory: must be a whole number of MiB/);
  assert.equal((await harness.get("/ready")).status, 200);
  assert.equal((await harness.invoke("hello")).status, 200);
  await writeFile(harness.file, two);
  await until(async () => JSON.parse((await harness.get("/ready")).body).functions.error === undefined);
  assert.equal((await harness.invoke("mine")).status, 200);
});

test("G1: in production /ready says where the files are wrong, and nothing of what they say", async () => {
  await using harness = await startHarness({ ESB_MODE: "production", ESB_LAMBDA_AUTH: "off" }, one);
  await writeFile(harness.file, "functions:\n  hello: { image: x, memory: s3cret }\n");
  let body = "";
  await until(async () => {
    body = (await harness.get("/ready")).body;
    return JSON.parse(body).functions.error !== undefined;
  });
  assert.match(JSON.parse(body).functions.error, /functions\.yml:2:30: not right; the gateway's log says why$/);
  assert.ok(!body.includes("s3cret") && !body.includes("memory"));
});

test("a function that changes gets a new worker, the old one is destroyed; one that goes is 404", async () => {
  await using harness = await startHarness({}, one);
  await harness.invoke("hello");
  await writeFile(`${harness.file}.new`, "functions: { hello: { image: z } }");
  await rename(`${harness.file}.new`, harness.file);
  await until(() => harness.agent.calls.includes("destroy hello-0"));
  assert.equal((await harness.invoke("hello")).headers["x-esb-start"], "cold");
  await unlink(harness.file);
  assert.equal((await harness.invoke("hello")).status, 200);
  await writeFile(harness.file, "functions: {}");
  await until(async () => (await harness.invoke("hello")).status === 404);
  await until(() => !harness.agent.workers.has("hello-0"));
});

test("G4: how many workers and how long they idle may change under a worker, which stays; a mistake changes nothing", async () => {
  const file = (rest: string) => `functions: { hello: { image: x, timeout: 30, ${rest} } }`;
  await using harness = await startHarness({}, file("concurrency: { max: 1 }"));
  const running: ServerResponse[] = [];
  harness.agent.handler = (_request, response) => running.push(response);
  const waiting = (count: number) => async () =>
    (await harness.get("/metrics")).body.includes(`esb_queue_length{function="hello"} ${count}`);
  const answers = [harness.invoke("hello"), harness.invoke("hello")];
  await until(() => running.length === 1);
  await until(waiting(1));
  await writeFile(harness.file, file("concurrency: { max: 3, min: 4 }"));
  await until(async () => JSON.parse((await harness.get("/ready")).body).functions.error !== undefined);
  assert.ok(await waiting(1)());
  await writeFile(harness.file, file("concurrency: { max: 2 }, idle: { destroyAfterMinutes: 60 }"));
  await until(() => running.length === 2);
  for (const response of running) response.end("{}");
  assert.deepEqual(
    (await Promise.all(answers)).map(({ status }) => status),
    [200, 200],
  );
  assert.deepEqual([...harness.agent.workers.keys()], ["hello-0", "hello-1"]);
  assert.deepEqual(
    harness.agent.calls.filter((call) => call.startsWith("destroy")),
    [],
  );
});
