import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { type Admission, WorkerActivity } from "../../proto/gen/esb/runtime/v1/runtime.ts";
import { patienceMs, until } from "../support/process.ts";
import { type RuntimeApiProcess, sendInvocation, startRuntimeApiProcess } from "../support/runtimes/clients.ts";
import {
  installNodeClient,
  installPythonClient,
  nodeClientMissing,
  pythonClientMissing,
  runtimesSource,
} from "../support/runtimes/install.ts";

const arn = "arn:aws:lambda:us-east-1:000000000000:function:hello";
const told = {
  "x-amzn-requestid": "8f7d9b8e-0000-4000-8000-000000000001",
  "x-amzn-trace-id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
  "x-amz-client-context": Buffer.from('{"custom":{"name":"Zoë"}}').toString("base64"),
};

async function nodeProgram(handler: string, file?: string) {
  return nodeProgramWith(join(await installNodeClient(), "aws-lambda-ric/index.mjs"), handler, file);
}

/** esb's own runtime for Node. */
async function ownProgram(handler: string, file?: string) {
  return nodeProgramWith(join(import.meta.dirname, "../../deploy/runtimes/node/bootstrap.mjs"), handler, file);
}

function nodeProgramWith(client: string, handler: string, file = "handlers") {
  const environment = { LAMBDA_TASK_ROOT: join(runtimesSource, "node"), _HANDLER: `${file}.${handler}` };
  return { command: [process.execPath, client, `${file}.${handler}`], environment, cwd: join(runtimesSource, "node") };
}

async function pythonProgram(handler: string, file = "handlers") {
  const environment = { PYTHONPATH: await installPythonClient(), PYTHONDONTWRITEBYTECODE: "1" };
  const cwd = join(runtimesSource, "python");
  const name = `${file}.${handler}`;
  const command = ["python3", "-m", "awslambdaric", name];
  return { command, environment: { ...environment, LAMBDA_TASK_ROOT: cwd, _HANDLER: name }, cwd };
}

async function ready(api: RuntimeApiProcess, { instanceId }: Admission): Promise<void> {
  const { failure } = await api.control.waitReady({ instanceId });
  assert.equal(failure, undefined);
}

async function answerTo(admission: Admission, event: unknown, headers: Record<string, string> = {}) {
  const [response] = (await once(sendInvocation(admission, event, headers), "response")) as [IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(parts).toString() };
}

const nodeClient = {
  name: "aws-lambda-ric",
  program: nodeProgram,
  missing: nodeClientMissing(),
  failure: "TypeError",
};
const ownClient = { name: "esb's runtime for Node", program: ownProgram, missing: undefined, failure: "TypeError" };
const clients = [
  nodeClient,
  { name: "awslambdaric", program: pythonProgram, missing: pythonClientMissing(), failure: "ValueError" },
  ownClient,
];

for (const { name, program, missing, failure } of clients) {
  const options = { skip: missing ?? false };

  test(`L3 ${name}, unmodified: an event, what its context says, and an answer, again and again`, options, async () => {
    await using api = await startRuntimeApiProcess();
    const { admission } = await api.run(await program("context"));
    await ready(api, admission);
    for (const n of [1, 2, 3]) {
      const answer = await answerTo(admission, { n }, told);
      const { remainingMs, client, ...seen } = JSON.parse(answer.body);
      assert.equal(seen.requestId, told["x-amzn-requestid"]);
      assert.equal(seen.traceId, told["x-amzn-trace-id"]);
      assert.deepEqual([seen.arn, seen.name], [arn, "hello"]);
      assert.deepEqual(seen.event, { n });
      assert.deepEqual(client.custom ?? client, { name: "Zoë" });
      assert.ok(remainingMs > 5000 && remainingMs <= 10_000, `${remainingMs}`);
      assert.equal(answer.headers["x-amz-function-error"], undefined);
      assert.equal(answer.headers["content-type"], "application/json");
    }
  });

  test(`L3 ${name}: a function that throws, and goes on`, options, async () => {
    await using api = await startRuntimeApiProcess();
    const { admission } = await api.run(await program("failing"));
    await ready(api, admission);
    for (const _ of [1, 2]) {
      const answer = await answerTo(admission, {});
      const { errorType, errorMessage } = JSON.parse(answer.body);
      assert.deepEqual([errorType, errorMessage], [failure, "this function fails"]);
      assert.equal(answer.headers["x-amz-function-error"], "Unhandled");
    }
  });

  test(`L3 ${name}: a function that leaves is Runtime.ExitError`, options, async () => {
    await using api = await startRuntimeApiProcess();
    const { admission } = await api.run(await program("leaving"));
    await ready(api, admission);
    const answer = await answerTo(admission, {}, told);
    assert.deepEqual(JSON.parse(answer.body), {
      errorType: "Runtime.ExitError",
      errorMessage: `RequestId: ${told["x-amzn-requestid"]} Error: Runtime exited with error: exit status 3`,
    });
  });

  test(`L3 ${name}: a handler's file that is not there is the runtime's own init error`, options, async () => {
    await using api = await startRuntimeApiProcess();
    const { admission } = await api.run(await program("handler", "nowhere"));
    const { failure: told } = await api.control.waitReady({ instanceId: admission.instanceId });
    assert.equal(told?.errorType, "Runtime.ImportModuleError");
    assert.match(told?.errorMessage ?? "", /nowhere/);
    assert.equal(JSON.parse(String(told?.payload)).errorType, "Runtime.ImportModuleError");
  });
}

const python = { skip: pythonClientMissing() ?? false };

for (const { name, program, missing } of [nodeClient, ownClient]) {
  const options = { skip: missing ?? false };

  test(`L3 ${name}: CommonJS`, options, async () => {
    await using api = await startRuntimeApiProcess();
    const { admission } = await api.run(await program("handler", "callback"));
    await ready(api, admission);
    assert.deepEqual(JSON.parse((await answerTo(admission, { n: 1 })).body), { commonjs: true, event: { n: 1 } });
  });

  test(`L3 ${name}: an answer that is too large is Function.ResponseSizeTooLarge`, options, async () => {
    await using api = await startRuntimeApiProcess();
    const { admission } = await api.run(await program("large"));
    await ready(api, admission);
    const answer = await answerTo(admission, {});
    assert.equal(answer.headers["x-amz-function-error"], "Unhandled");
    assert.equal(JSON.parse(answer.body).errorType, "Function.ResponseSizeTooLarge");
  });

  test(`L5 ${name}: a streamed response, its parts as they are written; an error in the middle`, options, async () => {
    await using api = await startRuntimeApiProcess();
    const { admission } = await api.run(await program("streaming"));
    await ready(api, admission);
    const streaming = { "x-esb-response-mode": "streaming" };
    const request = sendInvocation(admission, { waitMs: 200 }, streaming);
    const [response] = (await once(request, "response")) as [IncomingMessage];
    assert.equal(response.headers["lambda-runtime-function-response-mode"], "streaming");
    assert.equal(response.headers["content-type"], "text/plain");
    const parts: string[] = [];
    for await (const part of response) parts.push(String(part));
    assert.deepEqual(parts, ["first", " second"]);

    const failing = sendInvocation(admission, { waitMs: 0, fail: true }, streaming);
    const [broken] = (await once(failing, "response")) as [IncomingMessage];
    const read: string[] = [];
    for await (const part of broken) read.push(String(part));
    assert.deepEqual(read, ["first"]);
    assert.equal(broken.trailers["lambda-runtime-function-error-type"], "RangeError");
    const error = Buffer.from(broken.trailers["lambda-runtime-function-error-body"] ?? "", "base64").toString();
    assert.equal(JSON.parse(error).errorMessage, "in the middle");
  });
}

test("L3 awslambdaric: a process that segfaults says so", python, async () => {
  await using api = await startRuntimeApiProcess();
  const { admission } = await api.run(await pythonProgram("dying"));
  await ready(api, admission);
  const { errorType, errorMessage } = JSON.parse((await answerTo(admission, {})).body);
  assert.equal(errorType, "Runtime.ExitError");
  assert.match(errorMessage, /Runtime exited with error: signal: segmentation fault$/);
});

test("L3 awslambdaric: a module that cannot be imported", python, async () => {
  await using api = await startRuntimeApiProcess();
  const { admission } = await api.run(await pythonProgram("handler", "broken"));
  const { failure } = await api.control.waitReady({ instanceId: admission.instanceId });
  assert.equal(failure?.errorType, "Runtime.ImportModuleError");
  assert.match(failure?.errorMessage ?? "", /nothing_of_this_name/);
});

test("L3 a shell script with curl is a runtime", async () => {
  await using api = await startRuntimeApiProcess();
  const { admission } = await api.run({ command: [join(runtimesSource, "shell/bootstrap")] });
  await ready(api, admission);
  for (const n of [1, 2, 3]) {
    const answer = await answerTo(admission, { n });
    assert.equal(answer.body, `Echoing request: '{"n":${n}}'`);
    assert.equal(answer.headers["content-type"], "application/json");
  }
});

test("L3 a frozen runtime keeps its poll, and has its invocation once it thaws", python, async () => {
  await using api = await startRuntimeApiProcess();
  const { admission, pid } = await api.run(await pythonProgram("context"));
  await ready(api, admission);
  process.kill(pid, "SIGSTOP");
  const answered = answerTo(admission, { n: 1 });
  await until(async () => {
    const { activity } = await api.control.getState({ instanceId: admission.instanceId });
    assert.equal(activity, WorkerActivity.BUSY);
  }, patienceMs);
  process.kill(pid, "SIGCONT");
  assert.deepEqual(JSON.parse((await answered).body).event, { n: 1 });
});
