import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Harness, startHarness } from "../testing/harness.ts";

let harness: Harness;
before(async () => {
  harness = await startHarness();
});
after(() => harness[Symbol.asyncDispose]());

const base64 = (text: string | Buffer) => Buffer.from(text).toString("base64");
const ask = (context: string) => harness.invoke("hello", "{}", { "x-amz-client-context": context });

test("L1: a client context of 3,583 bytes is handed on as it is, a larger one refused", async () => {
  // base64 comes in fours: 3,580 is the most that a well-formed one can have.
  const most = base64(`{"custom":{"k":"${"v".repeat(2666)}"}}`);
  assert.equal(most.length, 3580);
  assert.equal((await ask(most)).status, 200);
  const received = harness.agent.workers.get("hello-0")?.http.received.at(-1);
  assert.equal(received?.headers["x-amz-client-context"], most);
  const larger = await ask(base64(`{"custom":{"k":"${"v".repeat(2667)}"}}`));
  assert.deepEqual([larger.status, larger.headers["x-amzn-errortype"]], [400, "InvalidRequestContentException"]);
  assert.match(JSON.parse(larger.body).message, /larger than 3583 bytes; it has 3584/);
});

for (const context of [
  "{}",
  "e30",
  "e30=\u00ff",
  base64("[]"),
  base64("null"),
  base64("{"),
  base64(Buffer.from([0xff])),
]) {
  const refused = context !== "e30";
  test(`L1: a client context that ${refused ? "is no JSON object in base64" : "lacks its padding"}: ${context}`, async () => {
    const answer = await ask(context);
    assert.equal(answer.status, refused ? 400 : 200);
    if (!refused) return;
    assert.equal(answer.headers["x-amzn-errortype"], "InvalidRequestContentException");
    assert.deepEqual(JSON.parse(answer.body), {
      Type: "User",
      message: "Client context must be a valid Base64-encoded JSON object.",
    });
  });
}
