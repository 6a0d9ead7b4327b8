import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  InvokeWithResponseStreamCommand,
  type InvokeWithResponseStreamCompleteEvent,
  LambdaClient,
} from "@aws-sdk/client-lambda";
import { startEsb, type TestEsb, until } from "../support/esb.ts";
import { nodeClientArchive, nodeClientImage } from "../support/runtimes/images.ts";

/** Parts of esb that end while a function streams, and what its client is told. */

const functions = `
defaults: { timeout: 120, memory: 256, idle: { freezeAfterMs: -1 }, concurrency: { max: 1 } }
functions:
  pieces: { image: ${nodeClientImage}, handler: stream.pieces }
`;

let esb: TestEsb;
let client: LambdaClient;

before(async () => {
  esb = await startEsb({
    functions,
    archives: [await nodeClientArchive()],
    runtimeApi: true,
    // On a busy machine Node takes longer than AWS's ten seconds.
    settings: { ESB_DRAIN_TIMEOUT_MS: "60000", ESB_INIT_TIMEOUT_MS: "60000" },
  });
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  client = new LambdaClient({ endpoint: esb.url, region: "us-east-1", credentials, maxAttempts: 1 });
});
after(async () => {
  client?.destroy();
  await esb?.[Symbol.asyncDispose]();
});

/** Streams, and does something as soon as the first piece is there. */
async function stream(event: object, onFirst: () => Promise<unknown> = async () => undefined) {
  const Payload = JSON.stringify(event);
  const answer = await client.send(new InvokeWithResponseStreamCommand({ FunctionName: "pieces", Payload }));
  let text = "";
  let done: Promise<unknown> | undefined;
  let end: InvokeWithResponseStreamCompleteEvent | undefined;
  for await (const { PayloadChunk: chunk, InvokeComplete: complete } of answer.EventStream ?? []) {
    if (chunk !== undefined) {
      text += Buffer.from(chunk.Payload ?? []).toString();
      done ??= onFirst();
    }
    end = complete ?? end;
  }
  await done;
  assert.ok(end !== undefined, "it did not end");
  return { text, instance: text.split(" ")[0], code: end.ErrorCode, error: JSON.parse(end.ErrorDetails ?? "{}") };
}

test("L5 S1: an agent that is killed and comes back in the middle of a stream: the stream goes on, and so does its worker", async () => {
  const { instance } = await stream({});
  const during = await stream({ waitMs: 3000 }, async () => {
    await esb.agent.stop("SIGKILL");
    await esb.agent.start();
  });
  assert.match(during.text, / second$/);
  assert.deepEqual([during.instance, during.code], [instance, undefined]);
  await esb.agentReady();
  assert.equal((await stream({})).instance, instance);
});

test("L5: a worker that is killed in the middle of a stream: its client is told, and the next has a fresh worker", async () => {
  const { instance } = await stream({});
  const { text, code, error } = await stream({ what: "stays" }, () =>
    esb.ctr("tasks", "kill", "--signal", "SIGKILL", "pieces-0"),
  );
  assert.deepEqual([text, code], ["half", error.errorType]);
  assert.match(error.errorType, /^Runtime\.(TruncatedResponse|ExitError)$/);
  assert.notEqual((await stream({})).instance, instance);
});

test("L5 L3: the Runtime API's process is killed in the middle of a stream: its client is told, and once it is back the next has a fresh worker", async () => {
  const { instance } = await stream({});
  const { text, code } = await stream({ what: "stays" }, () => esb.runtimeApi.stop("SIGKILL"));
  assert.deepEqual([text, code], ["half", "Runtime.ExitError"]);
  await esb.runtimeApi.start();
  await until(
    async () => assert.notEqual((await stream({})).instance, instance),
    60_000,
    async (error) => `no fresh worker: ${error}`,
  );
});

test("L5 S4: a gateway that is told to end in the middle of a stream ends behind it", async () => {
  let ended: Promise<void> | undefined;
  const { text, code } = await stream({ waitMs: 1000 }, async () => {
    ended = esb.gateway.stop("SIGTERM");
  });
  assert.match(text, / second$/);
  assert.equal(code, undefined);
  await ended;
});
