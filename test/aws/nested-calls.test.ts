import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { nodeCallerArchive, nodeCallerImage } from "../support/runtimes/images.ts";

/** Lambda handlers that call functions: AWS's runtime client and AWS's SDK in one worker, both unmodified (L1, L3). */

const image = `image: "${nodeCallerImage}"`;
const functions = `
defaults: { timeout: 20, memory: 256, concurrency: { max: 1 } }
functions:
  first: { ${image} }
  second: { ${image} }
  third: { ${image} }
  fourth: { ${image}, idle: { freezeAfterMs: 300 } }
  pieces: { ${image}, handler: stream.pieces }
`;

/** As X-Ray's own documentation has it, with all fields that there are. */
const traceId = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=25:a87bd80c:1";

let esb: TestEsb;
before(async () => {
  esb = await startEsb({ functions, archives: [await nodeCallerArchive()], runtimeApi: true });
});
after(() => esb?.[Symbol.asyncDispose]());

interface Seen {
  readonly requestId: string;
  readonly trace: string;
  readonly kept: Seen | null;
}

interface Told<T = Seen> {
  readonly status: number;
  readonly requestId?: string;
  readonly payload: T;
  readonly text?: string;
  readonly error?: string;
  readonly reason?: string;
  readonly message?: string;
}

async function ask<T>(name: string, event: object): Promise<T> {
  const response = await esb.invoke(name, event, { headers: { "x-amzn-trace-id": traceId } });
  const text = await response.text();
  assert.deepEqual([response.status, response.headers.get("x-amz-function-error")], [200, null], text);
  return JSON.parse(text) as T;
}

test("L1 L3: synchronously: the whole trace goes on, each call has its own id, which answer and context agree on", async () => {
  const outer = await ask<Told<Told>>("first", { call: "second", payload: { call: "third", payload: {} } });
  assert.deepEqual([outer.status, outer.payload.status], [200, 200]);
  const { requestId, trace } = outer.payload.payload;
  assert.equal(trace, traceId);
  assert.equal(requestId, outer.payload.requestId);
  assert.notEqual(requestId, outer.requestId);
});

test("L1 L3: as Event: 202 at once, and the function runs with the trace behind it", async () => {
  const event = { call: "third", how: "Event", payload: { keep: true } };
  const { status, requestId, payload } = await ask<Told<null>>("second", event);
  assert.deepEqual([status, payload], [202, null]);
  await until(
    async () => assert.deepEqual((await ask<Seen>("third", {})).kept, { requestId, trace: traceId }),
    patienceMs,
    async (error) => `the event has not run: ${error}`,
  );
});

test("L1 L5: streamed, piece by piece, out of a worker into another", async () => {
  const { status, text } = await ask<Told>("first", { call: "pieces", how: "stream", payload: { waitMs: 50 } });
  assert.equal(status, 200);
  assert.match(text ?? "", / second$/);
});

test("L1 L3: a frozen worker is thawed by a call, and calls in turn", async () => {
  await ask("fourth", {});
  await esb.waitForTask("fourth-0", "PAUSED");
  const told = await ask<Told<Told>>("first", { call: "fourth", payload: { call: "second", payload: {} } });
  assert.equal(told.payload.payload.trace, traceId);
});

for (const how of ["RequestResponse", "stream"]) {
  test(`L1: what needs a worker more than there are is told 429 with its reason, not left waiting (${how})`, async () => {
    const inner = { call: "first", how, payload: {} };
    const { status, payload } = await ask<Told<Told>>("first", { call: "second", payload: inner });
    assert.equal(status, 200);
    const { error, reason, message } = payload;
    assert.deepEqual(
      [payload.status, error, reason],
      [429, "TooManyRequestsException", "ReservedFunctionConcurrentInvocationLimitExceeded"],
    );
    // At once, that is: not when the time in the queue is over.
    assert.match(message ?? "", /^Rate Exceeded: every worker that could take this call waits/);
  });
}
