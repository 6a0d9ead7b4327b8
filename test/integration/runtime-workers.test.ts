import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { nodeClientArchive, nodeClientImage, providedArchive, providedImage } from "../support/runtimes/images.ts";

/** Workers with AWS's own runtime clients, unmodified, in images without any server. */

const functions = `
defaults: { timeout: 10, memory: 256, idle: { freezeAfterMs: -1 } }
functions:
  look: { image: ${nodeClientImage}, handler: worker.look, environment: { MINE: yes } }
  cold: { image: ${nodeClientImage}, idle: { freezeAfterMs: 0 } }
  slow: { image: ${nodeClientImage}, timeout: 1 }
  fail: { image: ${nodeClientImage}, handler: worker.fail }
  leave: { image: ${nodeClientImage}, handler: worker.leave }
  broken: { image: ${nodeClientImage}, handler: broken.handler }
  ending: { image: ${nodeClientImage}, handler: ending.handler }
  endless: { image: ${nodeClientImage}, handler: endless.handler }
  provided: { image: ${providedImage} }
`;

let esb: TestEsb;

before(async () => {
  const archives = await Promise.all([nodeClientArchive(), providedArchive()]);
  esb = await startEsb({ functions, archives, runtimeApi: true, settings: { ESB_INIT_TIMEOUT_MS: "4000" } });
});
after(() => esb?.[Symbol.asyncDispose]());

async function answerOf(name: string, payload: unknown = {}, init: RequestInit = {}) {
  const response = await esb.invoke(name, payload, init);
  const error = response.headers.get("x-amz-function-error");
  return { status: response.status, error, start: response.headers.get("x-esb-start"), body: await response.json(), response };
}

test("L3: AWS's client for Node runs as it is: cold, then warm in the same worker, with what it knows from AWS", async () => {
  const first = await answerOf("look", { key: 1 });
  assert.deepEqual([first.status, first.error, first.start], [200, null, "cold"], JSON.stringify(first.body));
  const second = await answerOf("look", { key: 2 });
  assert.deepEqual([second.status, second.start], [200, "warm"]);
  assert.equal(second.body.instance, first.body.instance);
  assert.equal(second.body.invocations, 2);
  assert.deepEqual(second.body.event, { key: 2 });
  assert.equal(second.body.requestId, second.response.headers.get("x-amzn-requestid"));
});
