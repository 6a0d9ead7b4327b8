import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import type { Admission } from "../../proto/gen/esb/runtime/v1/runtime.ts";
import { type Answer, call, invoke, requestIdOf, runtimeOf, startTestRuntimeApi } from "./runtime-api.fake.ts";

/** A worker's runtime that has taken one invocation; what comes of it is up to the test. */
async function working(
  api: Awaited<ReturnType<typeof startTestRuntimeApi>>,
  worker: Admission,
  headers: Record<string, string> = {},
): Promise<{ event: Answer; id: string; answered: Promise<Answer>; runtime: ReturnType<typeof runtimeOf> }> {
  await api.control.admit({ worker });
  const runtime = runtimeOf(worker);
  const polled = runtime.next();
  await api.control.waitReady({ instanceId: worker.instanceId });
  const answered = invoke(worker, "{}", headers);
  // Not every test is about the answer.
  answered.catch(() => undefined);
  const event = await polled;
  return { event, id: requestIdOf(event), answered, runtime };
}

const errorOf = ({ status, body }: Answer) => [status, JSON.parse(body).errorType];

test("L3 an event brings what AWS's runtimes read: id, deadline, ARN, trace id, client context, identity", async () => {
  await using api = await startTestRuntimeApi();
  const context = JSON.stringify({ custom: { name: "Zoë\n" } }, undefined, 2);
  const before = Date.now();
  const { event } = await working(api, api.admission(2), {
    "x-amzn-requestid": "8f7d9b8e-0000-4000-8000-000000000001",
    "x-amzn-trace-id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
    "x-amz-client-context": Buffer.from(context).toString("base64"),
    "x-amz-cognito-identity": '{"cognitoIdentityId":"a"}',
  });
  const { headers } = event;
  assert.equal(headers["lambda-runtime-aws-request-id"], "8f7d9b8e-0000-4000-8000-000000000001");
  assert.equal(headers["lambda-runtime-trace-id"], "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0");
  assert.equal(headers["lambda-runtime-invoked-function-arn"], "arn:aws:lambda:us-east-1:000000000000:function:hello");
  assert.equal(headers["lambda-runtime-cognito-identity"], '{"cognitoIdentityId":"a"}');
  const told = Buffer.from(String(headers["lambda-runtime-client-context"]), "latin1").toString();
  assert.deepEqual(JSON.parse(told), JSON.parse(context));
  const leftMs = Number(headers["lambda-runtime-deadline-ms"]) - before;
  assert.ok(leftMs >= 3000 && leftMs < 4000, `${leftMs}`);
});

test("L3 the caller's own deadline and ARN come before the function's", async () => {
  await using api = await startTestRuntimeApi();
  const arn = "arn:aws:lambda:us-east-1:000000000000:function:hello:live";
  const { event } = await working(api, api.admission(2), {
    "x-esb-deadline-ms": "1893456000000",
    "x-esb-function-arn": arn,
  });
  assert.equal(event.headers["lambda-runtime-deadline-ms"], "1893456000000");
  assert.equal(event.headers["lambda-runtime-invoked-function-arn"], arn);
});

test("L3 a function's error reaches the caller as the runtime sent it", async () => {
  await using api = await startTestRuntimeApi();
  const { id, answered, runtime } = await working(api, api.admission(2));
  const payload = '{"errorMessage": "no", "errorType": "MyError", "trace": []}';
  const sent = await runtime.fail(id, payload, { "lambda-runtime-function-error-type": "MyError" });
  assert.equal(sent.status, 202);
  const answer = await answered;
  assert.deepEqual([answer.status, answer.body], [200, payload]);
  assert.equal(answer.headers["x-amz-function-error"], "Unhandled");
});

test("L3 answers that are not the invocation's are refused as AWS refuses them", async () => {
  await using api = await startTestRuntimeApi();
  const { id, answered, runtime } = await working(api, api.admission(2));
  assert.deepEqual(errorOf(await runtime.respond("another", "{}")), [400, "InvalidRequestID"]);
  assert.deepEqual(errorOf(await runtime.next()), [403, "InvalidStateTransition"]);
  assert.equal((await runtime.respond(id, '"first"')).status, 202);
  assert.deepEqual(errorOf(await runtime.respond(id, '"second"')), [403, "InvalidStateTransition"]);
  assert.deepEqual(errorOf(await runtime.fail(id, "{}")), [403, "InvalidStateTransition"]);
  assert.equal((await answered).body, '"first"');
  assert.deepEqual(errorOf(await runtime.initError("{}")), [403, "InvalidStateTransition"]);
});

test("L3 an error's trace of 1 MB in a header is taken; a head beyond that is refused, and others are served", async () => {
  await using api = await startTestRuntimeApi();
  const { id, answered, runtime } = await working(api, api.admission(2));
  const cause = (bytes: number) => ({ "lambda-runtime-function-xray-error-cause": "x".repeat(bytes) });
  assert.equal((await runtime.fail(id, "{}", cause(2 * 1024 * 1024))).status, 431);
  assert.equal((await runtime.fail(id, '{"errorType":"MyError"}', cause(1024 * 1024))).status, 202);
  assert.equal((await answered).body, '{"errorType":"MyError"}');
});

test("L3 what there is not is not found", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  for (const [method, path] of [
    ["GET", "/2018-06-01/runtime/invocation/x/response"],
    ["POST", "/2018-06-01/runtime/invocation/next"],
    ["GET", "/2018-06-01/runtime/"],
    ["POST", "/2015-03-31/functions/function/invocations"],
  ] as const) {
    assert.equal((await call(worker, method, path)).status, 404, path);
  }
});

test("L3 an answer may have 6 MB and 100 bytes; one with more is Function.ResponseSizeTooLarge, and the runtime goes on", async () => {
  await using api = await startTestRuntimeApi();
  const worker = api.admission(2);
  const { id, answered, runtime } = await working(api, worker);
  const most = Buffer.alloc(6_291_556, "a");
  const refused = await runtime.respond(id, Buffer.concat([most, Buffer.from("b")]));
  assert.deepEqual(errorOf(refused), [413, "RequestEntityTooLarge"]);
  const answer = await answered;
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["x-amz-function-error"], "Unhandled");
  assert.equal(JSON.parse(answer.body).errorType, "Function.ResponseSizeTooLarge");

  const polled = runtime.next();
  const second = invoke(worker);
  assert.equal((await runtime.respond(requestIdOf(await polled), most)).status, 202);
  assert.equal((await second).body.length, most.length);
});

test("L3 the media type is the response's own, and JSON where a client has none in mind", async () => {
  await using api = await startTestRuntimeApi();
  const worker = api.admission(2);
  const { id, answered, runtime } = await working(api, worker);
  await runtime.respond(id, "<p>", { "content-type": "text/html" });
  assert.equal((await answered).headers["content-type"], "text/html");
  const polled = runtime.next();
  const second = invoke(worker);
  const asCurl = { "content-type": "application/x-www-form-urlencoded" };
  await runtime.respond(requestIdOf(await polled), "{}", asCurl);
  assert.equal((await second).headers["content-type"], "application/json");
});

for (const [exitStatus, why] of [
  [1, "Runtime exited with error: exit status 1"],
  [139, "Runtime exited with error: signal: segmentation fault"],
  [137, "Runtime exited with error: signal: killed"],
  [0, "Runtime exited without providing a reason"],
] as const) {
  test(`L3 a process that ends with ${exitStatus} ends its invocation at once`, async () => {
    await using api = await startTestRuntimeApi();
    const worker = api.admission(2);
    const { id, answered, runtime } = await working(api, worker);
    const waits = invoke(worker);
    await api.control.exited({ instanceId: worker.instanceId, exitStatus });
    const answer = await answered;
    assert.equal(answer.headers["x-amz-function-error"], "Unhandled");
    assert.deepEqual(JSON.parse(answer.body), {
      errorType: "Runtime.ExitError",
      errorMessage: `RequestId: ${id} Error: ${why}`,
    });
    const { status, headers } = await waits;
    assert.deepEqual([status, headers["x-esb-undelivered"]], [410, "gone"], "it never reached the function");
    assert.equal((await runtime.respond(id, "{}")).status, 403);
    assert.equal((await invoke(worker)).status, 410);
  });
}

test("L3 S7 a worker that is forgotten answers nobody: connections break, later ones are refused", async () => {
  await using api = await startTestRuntimeApi();
  const worker = api.admission(2);
  const { answered, runtime } = await working(api, worker);
  await api.control.forget({ instanceId: worker.instanceId });
  await assert.rejects(answered, { code: "ECONNRESET" });
  await assert.rejects(invoke(worker), { code: "ECONNREFUSED" });
  await assert.rejects(runtime.next());
  assert.deepEqual((await api.control.list({})).workers, []);
});

test("L3 a runtime whose connection breaks in the middle of its answer may answer again", async () => {
  await using api = await startTestRuntimeApi();
  const worker = api.admission(2);
  const { id, answered, runtime } = await working(api, worker);
  const socket = connect({ host: worker.runtimeAddress, port: worker.runtimePort, localAddress: worker.sourceAddress });
  const path = `/2018-06-01/runtime/invocation/${id}/response`;
  socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 10\r\n\r\nhalf`);
  // "Continue": its head has been read.
  await once(socket, "data");
  assert.equal((await runtime.respond(id, '"another"')).status, 403);
  socket.destroy();
  for (;;) {
    const sent = await runtime.respond(id, '"whole"');
    if (sent.status === 202) break;
    assert.equal(sent.status, 403);
  }
  assert.equal((await answered).body, '"whole"');
});
