import assert from "node:assert/strict";
import { once } from "node:events";
import { type ServerResponse, request as send } from "node:http";
import { test } from "node:test";
import {
  InvokeWithResponseStreamCommand,
  type InvokeWithResponseStreamCommandInput,
  LambdaClient,
} from "@aws-sdk/client-lambda";
import { type Harness, startHarness, until } from "../testing/harness.ts";

/** What the SDK makes of a streamed answer. */
async function invoke(harness: Harness, input: Partial<InvokeWithResponseStreamCommandInput> = {}) {
  const client = new LambdaClient({
    endpoint: harness.url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
  const answer = await client.send(new InvokeWithResponseStreamCommand({ FunctionName: "hello", ...input }));
  return {
    answer,
    /** Piece by piece; the last is how it ended. */
    async *events() {
      for await (const { PayloadChunk: chunk, InvokeComplete: end } of answer.EventStream ?? []) {
        if (chunk !== undefined) yield Buffer.from(chunk.Payload ?? []).toString();
        if (end !== undefined) yield end;
      }
      client.destroy();
    },
  };
}

async function all(harness: Harness, input: Partial<InvokeWithResponseStreamCommandInput> = {}) {
  const parts: unknown[] = [];
  for await (const part of (await invoke(harness, input)).events()) parts.push(part);
  return { body: parts.slice(0, -1).join(""), end: parts.at(-1) };
}

const errorType = "lambda-runtime-function-error-type";
const errorBody = "lambda-runtime-function-error-body";

function begin(response: ServerResponse): void {
  response.writeHead(200, {
    "content-type": "text/plain",
    "lambda-runtime-function-response-mode": "streaming",
    trailer: `${errorType}, ${errorBody}`,
  });
  response.flushHeaders();
}

test("L5: each piece is with the client before the function writes the next", async () => {
  await using harness = await startHarness();
  let worker: ServerResponse | undefined;
  harness.agent.handler = (_request, response) => {
    begin(response);
    // The SDK looks for a first message before it hands anything out.
    response.write("first");
    worker = response;
  };
  const { answer, events } = await invoke(harness, { Payload: '{"n":1}' });
  assert.equal(answer.$metadata.httpStatusCode, 200);
  assert.equal(answer.ExecutedVersion, "$LATEST");
  assert.equal(answer.ResponseStreamContentType, "application/vnd.amazon.eventstream");
  assert.match(answer.$metadata.requestId ?? "", /^[0-9a-f-]{36}$/);
  const parts = events();
  for (const part of ["first", "second", "ä€"]) {
    if (part !== "first") worker?.write(part);
    assert.deepEqual(await parts.next(), { value: part, done: false });
  }
  worker?.end();
  assert.deepEqual((await parts.next()).value, {});
  assert.equal((await parts.next()).done, true);
  const [received] = harness.agent.workers.values();
  const { headers, body } = received?.http.received[0] ?? assert.fail("nothing received");
  assert.equal(headers["x-esb-response-mode"], "streaming");
  assert.equal(headers["x-amzn-requestid"], answer.$metadata.requestId);
  assert.equal(body, '{"n":1}');
});

test("L5: a function that does not stream gives its whole answer, large and small", async () => {
  await using harness = await startHarness();
  harness.agent.handler = (_request, response, event) => response.end(event);
  for (const length of [1, 5_000_000]) {
    const payload = JSON.stringify("x".repeat(length));
    assert.deepEqual(await all(harness, { Payload: payload }), { body: payload, end: {} });
  }
});

test("L5: an error in the middle stands in InvokeComplete, behind what came before, and the worker goes on", async () => {
  await using harness = await startHarness();
  const told = '{"errorType":"MyError","errorMessage":"no","trace":["a"]}';
  harness.agent.handler = (_request, response) => {
    begin(response);
    response.write("half");
    response.addTrailers({ [errorType]: "MyError", [errorBody]: Buffer.from(told).toString("base64") });
    response.end();
  };
  for (const start of ["cold", "warm"]) {
    const { body, end } = await all(harness);
    assert.deepEqual([body, end], ["half", { ErrorCode: "MyError", ErrorDetails: told }], start);
  }
  assert.equal(harness.agent.calls.filter((call) => call.startsWith("ensure")).length, 1);
  const metrics = await harness.get("/metrics");
  assert.match(metrics.body, /esb_invocations_total\{function="hello",outcome="function_error"\} 2/);
});

test("L5: an error before the first piece has no piece before it", async () => {
  await using harness = await startHarness();
  harness.agent.handler = (_request, response) => {
    response.setHeader("x-amz-function-error", "Unhandled");
    response.end('{"errorType":"E"}');
  };
  const { body, end } = await all(harness);
  assert.deepEqual([body, end], ["", { ErrorCode: "Unhandled", ErrorDetails: '{"errorType":"E"}' }]);
});

test("L5 L2: over its time in the middle: Sandbox.Timedout, and the next has a new worker", async () => {
  await using harness = await startHarness({}, "functions: { hello: { image: x, timeout: 1 } }");
  harness.agent.handler = (_request, response) => {
    begin(response);
    response.write("half");
  };
  const { body, end } = await all(harness);
  const { ErrorCode, ErrorDetails } = end as { ErrorCode: string; ErrorDetails: string };
  const type = "Sandbox.Timedout";
  assert.deepEqual([body, ErrorCode, JSON.parse(ErrorDetails).errorType], ["half", type, type]);
  await until(() => harness.agent.calls.includes("destroy hello-0"));
});

test("L5: a worker that dies in the middle: Runtime.ExitError, and it is replaced", async () => {
  await using harness = await startHarness();
  harness.agent.handler = (_request, response) => {
    begin(response);
    response.write("half", () => setImmediate(() => response.destroy()));
  };
  const { body, end } = await all(harness);
  const { ErrorCode, ErrorDetails } = end as { ErrorCode: string; ErrorDetails: string };
  const type = "Runtime.ExitError";
  assert.deepEqual([body, ErrorCode, JSON.parse(ErrorDetails).errorType], ["half", type, type]);
  await until(() => harness.agent.calls.includes("destroy hello-0"));
});

test("L5: a client that stops reading holds the function up; one that goes lets it end, and its worker serves the next", async () => {
  await using harness = await startHarness(
    {},
    "functions: { hello: { image: x, timeout: 30, concurrency: { max: 1 } } }",
  );
  let written = 0;
  let held = false;
  let ended = false;
  harness.agent.handler = (_request, response, event) => {
    begin(response);
    if (event.toString() !== "{}") {
      response.end(event);
      return;
    }
    const piece = Buffer.alloc(256 * 1024);
    const most = 128 * 1024 * 1024;
    const go = () => {
      while (written < most) {
        written += piece.length;
        if (response.write(piece)) continue;
        held = true;
        response.once("drain", () => {
          held = false;
          go();
        });
        return;
      }
      response.end(() => {
        ended = true;
      });
    };
    go();
  };
  const client = send(`${harness.url}/2021-11-15/functions/hello/response-streaming-invocations`, { method: "POST" });
  client.on("error", () => undefined);
  client.end("{}");
  await once(client, "response");
  // Nothing moves any more, for as many turns of the event loop as would have moved all of it.
  let last = -1;
  for (let still = 0; still < 500; still = held && written === last ? still + 1 : 0) {
    last = written;
    await new Promise(setImmediate);
  }
  assert.ok(written < 32 * 1024 * 1024, `${written} bytes were taken from the function`);
  client.destroy();
  await until(() => ended);
  assert.equal((await all(harness, { Payload: "1" })).body, "1");
  assert.deepEqual(
    harness.agent.calls.filter((call) => /^(ensure|destroy)/.test(call)),
    ["ensure hello-0"],
  );
});

test("L5: DryRun, Event and who is not there are told as by Invoke", async () => {
  await using harness = await startHarness();
  const { answer } = await invoke(harness, { InvocationType: "DryRun" });
  assert.equal(answer.$metadata.httpStatusCode, 204);
  assert.deepEqual(
    harness.agent.calls.filter((call) => call.startsWith("ensure")),
    [],
  );
  const refused = { name: "ResourceNotFoundException" };
  await assert.rejects(invoke(harness, { FunctionName: "nobody" }), refused);
  const event = { InvocationType: "Event" } as unknown as Partial<InvokeWithResponseStreamCommandInput>;
  await assert.rejects(invoke(harness, event), { name: "ValidationException" });
  await assert.rejects(invoke(harness, { Payload: "no json" }), { name: "InvalidRequestContentException" });
});

test("L5: LogType Tail: the end of the log is in InvokeComplete", async () => {
  await using harness = await startHarness();
  harness.agent.handler = (_request, response) => response.end("1");
  const { end } = await all(harness, { LogType: "Tail" });
  const { LogResult } = end as { LogResult?: string };
  assert.match(Buffer.from(LogResult ?? "", "base64").toString(), /^START RequestId: [\s\S]*\nREPORT RequestId: /);
});
