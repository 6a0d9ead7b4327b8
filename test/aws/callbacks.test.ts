import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { proofArchive, takenCallback } from "../support/runtimes/proofs.ts";

/** Handlers with a callback, which AWS's client for Node takes up to its version 3, unmodified. */

const { image } = takenCallback;
const options = { skip: image.missing ?? false };

let esb: TestEsb;

before(async () => {
  if (image.missing !== undefined) return;
  const functions = `functions: { old: { image: "${image.name}", handler: callbacks.handler, timeout: 20, memory: 256 } }`;
  esb = await startEsb({ functions, archives: [await proofArchive(image)], runtimeApi: true });
});
after(() => esb?.[Symbol.asyncDispose]());

async function invoke(event: object) {
  const beganMs = performance.now();
  const response = await esb.invoke("old", event);
  const body = await response.json();
  const head = (name: string) => response.headers.get(name);
  const outcome = [response.status, head("x-amz-function-error"), head("x-esb-start")];
  return { outcome, body, id: head("x-amzn-requestid"), tookMs: performance.now() - beganMs };
}

test(
  "L3 node22, a callback: what it is given is the answer, in one worker after the other request",
  options,
  async () => {
    const first = await invoke({ key: "Zoë" });
    assert.deepEqual(first.outcome, [200, null, "cold"], JSON.stringify(first.body));
    assert.deepEqual(first.body, { event: { key: "Zoë" }, begun: false, requestId: first.id });
    assert.deepEqual((await invoke({})).outcome, [200, null, "warm"]);
  },
);

test("L3 node22, a callback: an error that it is given is the caller's, and the worker goes on", options, async () => {
  await invoke({});
  const failed = await invoke({ fail: true });
  assert.deepEqual(failed.outcome, [200, "Unhandled", "warm"]);
  const { errorType, errorMessage } = failed.body as { errorType: string; errorMessage: string };
  assert.deepEqual([errorType, errorMessage], ["RangeError", "this function fails"]);
  assert.deepEqual((await invoke({})).outcome, [200, null, "warm"]);
});

test(
  "L3 node22, a callback: callbackWaitsForEmptyEventLoop decides if the answer waits for what was begun",
  options,
  async () => {
    await invoke({});
    const timerMs = 4000;
    const waits = await invoke({ timerMs });
    assert.deepEqual(waits.outcome, [200, null, "warm"]);
    assert.ok(waits.tookMs >= timerMs - 50, `${waits.tookMs} ms`);
    const leaves = await invoke({ timerMs, waits: false });
    assert.deepEqual(leaves.outcome, [200, null, "warm"]);
    assert.ok(leaves.tookMs < timerMs - 50, `${leaves.tookMs} ms`);
  },
);
