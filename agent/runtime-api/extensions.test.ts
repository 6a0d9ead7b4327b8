import assert from "node:assert/strict";
import { test } from "node:test";
import { ShutdownReason, WorkerActivity } from "../../proto/gen/esb/runtime/v1/runtime.ts";
import {
  type Answer,
  answerOf,
  call,
  invocation,
  invoke,
  requestIdOf,
  runtimeOf,
  startTestRuntimeApi,
} from "./runtime-api.fake.ts";

const extension = "/2020-01-01/extension";
const errorOf = ({ status, body }: Answer) => [status, JSON.parse(body).errorType];

function register(worker: Parameters<typeof call>[0], name: string, events: readonly string[], more = {}) {
  const headers = { "lambda-extension-name": name, ...more };
  return call(worker, "POST", `${extension}/register`, { headers, body: JSON.stringify({ events }) });
}

const eventNext = (worker: Parameters<typeof call>[0], identifier: string) =>
  call(worker, "GET", `${extension}/event/next`, { headers: { "lambda-extension-identifier": identifier } });

test("L3 an external extension registers, gets INVOKE beside the runtime, and SHUTDOWN at the end", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2, { extensions: ["watcher"] });
  const { instanceId } = worker;
  const runtime = runtimeOf(worker);
  const polled = runtime.next();
  const ready = api.control.waitReady({ instanceId });
  const registered = await register(worker, "watcher", ["INVOKE", "SHUTDOWN"], {
    "lambda-extension-accept-feature": "accountId",
  });
  assert.equal(registered.status, 200);
  assert.deepEqual(JSON.parse(registered.body), {
    functionName: "hello",
    functionVersion: "$LATEST",
    handler: "index.handler",
    accountId: "000000000000",
  });
  assert.equal((await api.control.getState({ instanceId })).activity, WorkerActivity.INIT);
  const identifier = String(registered.headers["lambda-extension-identifier"]);
  const invoked = eventNext(worker, identifier);
  assert.equal((await ready).failure, undefined);
  assert.equal((await api.control.getState({ instanceId })).activity, WorkerActivity.IDLE);

  const headers = {
    "x-amzn-requestid": "request-1",
    "x-amzn-trace-id": "Root=1-2-3",
    "x-esb-deadline-ms": "1893456000000",
  };
  const answered = invoke(worker, "{}", headers);
  const event = await invoked;
  assert.ok(event.headers["lambda-extension-event-identifier"]);
  assert.deepEqual(JSON.parse(event.body), {
    eventType: "INVOKE",
    deadlineMs: 1893456000000,
    requestId: "request-1",
    invokedFunctionArn: "arn:aws:lambda:us-east-1:000000000000:function:hello",
    tracing: { type: "X-Amzn-Trace-Id", value: "Root=1-2-3" },
  });
  await runtime.respond(requestIdOf(await polled), "{}");
  // The caller has its answer before the extension is done; the worker may not be frozen yet.
  assert.equal((await answered).status, 200);
  const polledAgain = runtime.next();
  polledAgain.catch(() => undefined);
  assert.equal((await api.control.getState({ instanceId })).activity, WorkerActivity.BUSY);

  const ending = await api.control.shutdown({ instanceId, reason: ShutdownReason.TIMEOUT, graceMs: 2000 });
  assert.equal(ending.extensions, 1);
  const last = JSON.parse((await eventNext(worker, identifier)).body);
  assert.deepEqual([last.eventType, last.shutdownReason], ["SHUTDOWN", "TIMEOUT"]);
  const leftMs = last.deadlineMs - Date.now();
  assert.ok(leftMs > 0 && leftMs <= 2000, `${leftMs}`);
  assert.equal((await api.control.getState({ instanceId })).activity, WorkerActivity.ENDED);
});

test("L3 the gateway is told that extensions still work, and when they have finished", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2, { extensions: ["watcher"] });
  const quiet = () => answerOf(invocation(worker, {}, { method: "GET", path: "/esb/quiet" }));
  const runtime = runtimeOf(worker);
  let polled = runtime.next();
  const registered = await register(worker, "watcher", ["INVOKE"]);
  const identifier = String(registered.headers["lambda-extension-identifier"]);
  let invoked = eventNext(worker, identifier);
  await api.control.waitReady({ instanceId: worker.instanceId });
  assert.equal((await quiet()).status, 204);

  const answered = invoke(worker);
  await invoked;
  await runtime.respond(requestIdOf(await polled), "{}");
  assert.equal((await answered).headers["x-esb-extensions-work"], "1");
  polled = runtime.next();
  let done = false;
  const told = quiet().then(({ status }) => {
    done = true;
    return status;
  });
  assert.equal((await api.control.getState({ instanceId: worker.instanceId })).activity, WorkerActivity.BUSY);
  assert.equal(done, false);
  invoked = eventNext(worker, identifier);
  assert.equal(await told, 204);

  const again = invoke(worker);
  await invoked;
  const over = quiet();
  await api.control.exited({ instanceId: worker.instanceId, exitStatus: 1 });
  assert.equal((await over).status, 410);
  assert.equal(JSON.parse((await again).body).errorType, "Runtime.ExitError");
});

test("L3 a worker without extensions says nothing of them", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  const runtime = runtimeOf(worker);
  const polled = runtime.next();
  const answered = invoke(worker);
  await runtime.respond(requestIdOf(await polled), "{}");
  assert.equal((await answered).headers["x-esb-extensions-work"], undefined);
});

test("L3 extensions are refused as AWS refuses them", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2, { extensions: ["watcher"] });
  assert.deepEqual(errorOf(await register(worker, "", [])), [403, "Extension.InvalidExtensionName"]);
  assert.deepEqual(errorOf(await register(worker, "watcher", ["SLEEP"])), [403, "Extension.InvalidEventType"]);
  assert.deepEqual(errorOf(await register(worker, "inside", ["SHUTDOWN"])), [403, "Extension.InvalidEventType"]);
  const headers = { "lambda-extension-name": "watcher" };
  const broken = await call(worker, "POST", `${extension}/register`, { headers, body: "{" });
  assert.deepEqual(errorOf(broken), [403, "InvalidRequestFormat"]);
  const unnamed = await call(worker, "GET", `${extension}/event/next`);
  assert.deepEqual(errorOf(unnamed), [403, "Extension.MissingExtensionIdentifier"]);
  assert.deepEqual(errorOf(await eventNext(worker, "x")), [403, "Extension.UnknownExtensionIdentifier"]);

  const registered = await register(worker, "watcher", []);
  const identifier = String(registered.headers["lambda-extension-identifier"]);
  assert.deepEqual(errorOf(await register(worker, "watcher", [])), [403, "Extension.InvalidExtensionState"]);
  const named = { "lambda-extension-identifier": identifier };
  const untyped = await call(worker, "POST", `${extension}/init/error`, { headers: named });
  assert.deepEqual(errorOf(untyped), [403, "Extension.MissingHeader"]);
  const polled = runtimeOf(worker).next();
  polled.catch(() => undefined);
  eventNext(worker, identifier).catch(() => undefined);
  await api.control.waitReady({ instanceId: worker.instanceId });
  assert.deepEqual(errorOf(await register(worker, "inside", ["INVOKE"])), [403, "Extension.RegistrationClosed"]);
});

test("L3 an extension that cannot start ends init with what it says", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2, { extensions: ["watcher"] });
  const ready = api.control.waitReady({ instanceId: worker.instanceId });
  const registered = await register(worker, "watcher", ["INVOKE"]);
  const headers = {
    "lambda-extension-identifier": String(registered.headers["lambda-extension-identifier"]),
    "lambda-extension-function-error-type": "Extension.NoLicence",
  };
  const body = '{"errorMessage": "there is no licence", "errorType": "NoLicence"}';
  assert.equal((await call(worker, "POST", `${extension}/init/error`, { headers, body })).status, 202);
  const { failure } = await ready;
  assert.deepEqual([failure?.errorType, failure?.errorMessage], ["Extension.NoLicence", "there is no licence"]);
});

test("L3 an extension that fails later fails the invocation that runs", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2, { extensions: ["watcher"] });
  const registered = await register(worker, "watcher", ["INVOKE"]);
  const identifier = String(registered.headers["lambda-extension-identifier"]);
  const polled = runtimeOf(worker).next();
  const invoked = eventNext(worker, identifier);
  const answered = invoke(worker);
  await Promise.all([polled, invoked]);
  const headers = {
    "lambda-extension-identifier": identifier,
    "lambda-extension-function-error-type": "Extension.Lost",
  };
  await call(worker, "POST", `${extension}/exit/error`, { headers, body: '{"errorMessage": "lost"}' });
  const answer = await answered;
  assert.equal(answer.headers["x-amz-function-error"], "Unhandled");
  assert.equal(JSON.parse(answer.body).errorType, "Extension.Lost");
});

for (const [exitStatus, why] of [
  [0, "exit code 0"],
  [9, "exit status 9"],
  [139, "signal: segmentation fault"],
] as const) {
  test(`L3 an extension that ends with ${exitStatus} is Extension.Crash, to an invocation and to init`, async () => {
    await using api = await startTestRuntimeApi();
    const [working, starting] = [await api.admit(2), await api.admit(3)];
    const polled = runtimeOf(working).next();
    const answered = invoke(working);
    const id = requestIdOf(await polled);
    const ready = api.control.waitReady({ instanceId: starting.instanceId });
    for (const { instanceId } of [working, starting]) await api.control.extensionExited({ instanceId, exitStatus });
    // The worker ends with it, which is told as well.
    await api.control.exited({ instanceId: working.instanceId, exitStatus: 137 });
    const { headers, body } = await answered;
    assert.equal(headers["x-amz-function-error"], "Unhandled");
    const told = { errorType: "Extension.Crash", errorMessage: `RequestId: ${id} Error: ${why}` };
    assert.deepEqual(JSON.parse(body), told);
    const { failure } = await ready;
    assert.deepEqual([failure?.errorType, failure?.errorMessage], ["Extension.Crash", why]);
  });
}

test("L3 an extension that ends with its worker says nothing of why that ended", async () => {
  await using api = await startTestRuntimeApi();
  const [killed, leaving] = [await api.admit(2), await api.admit(3)];
  const polls = [killed, leaving].map((worker) => runtimeOf(worker).next());
  const answers = [killed, leaving].map((worker) => invoke(worker));
  await Promise.all(polls);
  await api.control.extensionExited({ instanceId: killed.instanceId, exitStatus: 137 });
  await api.control.shutdown({ instanceId: leaving.instanceId, graceMs: 100 });
  await api.control.extensionExited({ instanceId: leaving.instanceId, exitStatus: 0 });
  for (const { instanceId } of [killed, leaving]) await api.control.exited({ instanceId, exitStatus: 3 });
  for (const answer of answers) {
    const { errorType, errorMessage } = JSON.parse((await answer).body);
    assert.equal(errorType, "Runtime.ExitError");
    assert.match(errorMessage, /exit status 3$/);
  }
});
