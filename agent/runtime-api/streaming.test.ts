import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request as send } from "node:http";
import { test } from "node:test";
import type { Admission } from "../../proto/gen/esb/runtime/v1/runtime.ts";
import { answerOf, invocation, invoke, requestIdOf, runtimeOf, startTestRuntimeApi } from "./runtime-api.fake.ts";

const streaming = { "x-esb-response-mode": "streaming" };
const errorType = "lambda-runtime-function-error-type";
const errorBody = "lambda-runtime-function-error-body";

/** A streamed response that is open. */
function respond(worker: Admission, id: string) {
  return send({
    host: worker.runtimeAddress,
    port: worker.runtimePort,
    localAddress: worker.sourceAddress,
    method: "POST",
    path: `/2018-06-01/runtime/invocation/${id}/response`,
    headers: {
      "lambda-runtime-function-response-mode": "streaming",
      "transfer-encoding": "chunked",
      "content-type": "text/plain",
      trailer: `${errorType}, ${errorBody}`,
    },
    agent: false,
  });
}

async function begun(worker: Admission): Promise<{ id: string; request: ReturnType<typeof send> }> {
  const polled = runtimeOf(worker).next();
  const request = invocation(worker, streaming);
  request.on("error", () => undefined);
  request.end("{}");
  return { id: requestIdOf(await polled), request };
}

test("L5 a streamed response is passed on as it comes", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  const { id, request } = await begun(worker);
  const response = respond(worker, id);
  response.write("first ");
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  assert.equal(answer.headers["lambda-runtime-function-response-mode"], "streaming");
  assert.equal(answer.headers["content-type"], "text/plain");
  // The first part is here before the function writes the second.
  const [first] = await once(answer, "data");
  assert.equal(String(first), "first ");
  const rest: Buffer[] = [];
  answer.on("data", (part: Buffer) => rest.push(part));
  const ended = once(answer, "end");
  const accepted = answerOf(response, "second");
  await ended;
  assert.equal(Buffer.concat(rest).toString(), "second");
  assert.equal((await accepted).status, 202);
});

test("L5 an error in the middle comes behind what was sent, in trailers", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  const { id, request } = await begun(worker);
  const response = respond(worker, id);
  response.write("half");
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  const payload = Buffer.from('{"errorType":"MyError","errorMessage":"no"}').toString("base64");
  response.addTrailers([
    [errorType, "MyError"],
    [errorBody, payload],
  ]);
  const ended = once(answer.resume(), "end");
  const accepted = answerOf(response);
  await ended;
  assert.deepEqual({ ...answer.trailers }, { [errorType]: "MyError", [errorBody]: payload });
  assert.equal((await accepted).status, 202);
});

test("L5 a process that ends in the middle is an error in trailers, too", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  const { id, request } = await begun(worker);
  const response = respond(worker, id).on("error", () => undefined);
  response.write("half");
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  const ended = once(answer.resume(), "end");
  await api.control.exited({ instanceId: worker.instanceId, exitStatus: 1 });
  await ended;
  assert.equal(answer.trailers[errorType], "Runtime.ExitError");
  const told = JSON.parse(Buffer.from(answer.trailers[errorBody] ?? "", "base64").toString());
  assert.equal(told.errorMessage, `RequestId: ${id} Error: Runtime exited with error: exit status 1`);
  response.destroy();
});

test("L5 a response that breaks off is Runtime.TruncatedResponse", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  const { id, request } = await begun(worker);
  const response = respond(worker, id).on("error", () => undefined);
  response.write("half");
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  const ended = once(answer.resume(), "end");
  response.destroy();
  await ended;
  assert.equal(answer.trailers[errorType], "Runtime.TruncatedResponse");
});

test("L5 a caller that reads slowly holds the function up, not our memory", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  const { id, request } = await begun(worker);
  const response = respond(worker, id);
  response.write("begin");
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  const part = Buffer.alloc(1024 * 1024);
  // Until the function's own writes are held up; with no back-pressure they never are.
  let written = 0;
  while (written < 256 && response.writableLength < 8 * part.length) {
    response.write(part);
    written++;
    await new Promise(setImmediate);
  }
  assert.ok(written < 256, "the function was never held up");
  let bytes = 0;
  answer.on("data", (read: Buffer) => {
    bytes += read.length;
  });
  assert.equal((await answerOf(response)).status, 202);
  if (!answer.readableEnded) await once(answer, "end");
  assert.equal(bytes, written * part.length + "begin".length);
});

test("L5 a caller that goes lets the function end in peace", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  const { id, request } = await begun(worker);
  const response = respond(worker, id);
  response.write("begin");
  await once(request, "response");
  request.destroy();
  assert.equal((await answerOf(response, Buffer.alloc(20 * 1024 * 1024))).status, 202);
  assert.equal((await runtimeOf(worker).respond(id, "{}")).status, 403);
});

test("L3 where no stream is asked for, a streamed response is one answer, and its error a function's", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  const runtime = runtimeOf(worker);
  const polled = runtime.next();
  const answered = invoke(worker);
  const response = respond(worker, requestIdOf(await polled));
  response.write("one, ");
  assert.equal((await answerOf(response, "two")).status, 202);
  const answer = await answered;
  assert.equal(answer.body, "one, two");
  assert.equal(answer.headers["content-length"], "8");

  const again = runtime.next();
  const failed = invoke(worker);
  const broken = respond(worker, requestIdOf(await again));
  broken.write("half");
  const payload = '{"errorType":"MyError","errorMessage":"no"}';
  broken.addTrailers([
    [errorType, "MyError"],
    [errorBody, Buffer.from(payload).toString("base64")],
  ]);
  await answerOf(broken);
  assert.equal((await failed).body, payload);
  assert.equal((await failed).headers["x-amz-function-error"], "Unhandled");
});

test("L3 a response mode that there is not is the runtime's error", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  const runtime = runtimeOf(worker);
  const polled = runtime.next();
  const answered = invoke(worker);
  const id = requestIdOf(await polled);
  const refused = await runtime.respond(id, "{}", { "lambda-runtime-function-response-mode": "other" });
  assert.deepEqual([refused.status, JSON.parse(refused.body).errorType], [400, "InvalidFunctionResponseMode"]);
  assert.equal(JSON.parse((await answered).body).errorType, "Runtime.InvalidResponseModeHeader");
});
