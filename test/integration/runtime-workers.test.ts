import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { Driver } from "../../proto/gen/esb/agent/v1/agent.ts";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { nodeClientArchive, nodeClientImage, providedArchive, providedImage } from "../support/runtimes/images.ts";

/** Workers with AWS's own runtime clients, unmodified, in images without any server. */

const functions = `
defaults: { timeout: 10, memory: 256, idle: { freezeAfterMs: -1 } }
functions:
  look: { image: ${nodeClientImage}, handler: worker.look, environment: { MINE: yes } }
  cold: { image: ${nodeClientImage}, idle: { freezeAfterMs: 0 } }
  slow: { image: ${nodeClientImage}, timeout: 3 }
  reach: { image: ${nodeClientImage}, handler: worker.reach }
  fail: { image: ${nodeClientImage}, handler: worker.fail }
  leave: { image: ${nodeClientImage}, handler: worker.leave }
  broken: { image: ${nodeClientImage}, handler: broken.handler }
  ending: { image: ${nodeClientImage}, handler: ending.handler }
  endless: { image: ${nodeClientImage}, handler: endless.handler, timeout: 3 }
  provided: { image: ${providedImage} }
`;

let esb: TestEsb;

before(async () => {
  const archives = await Promise.all([nodeClientArchive(), providedArchive()]);
  esb = await startEsb({ functions, archives, runtimeApi: true, settings: { ESB_INIT_TIMEOUT_MS: "4000" } });
});
after(() => esb?.[Symbol.asyncDispose]());

/** What the handlers of test/fixtures/runtimes/node/worker.mjs answer, or what is told in their stead. */
interface Answer {
  readonly event: unknown;
  readonly instance: string;
  readonly invocations: number;
  readonly requestId: string;
  readonly functionArn: string;
  readonly client: unknown;
  readonly remainingMs: number;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace: unknown;
  readonly outcome: unknown;
}

async function answerOf(name: string, payload: unknown = {}, init: RequestInit = {}) {
  const response = await esb.invoke(name, payload, init);
  const error = response.headers.get("x-amz-function-error");
  return {
    status: response.status,
    error,
    start: response.headers.get("x-esb-start"),
    body: (await response.json()) as Answer,
    response,
  };
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

test("L3: environment, working directory, deadline, ARN and client context are as on AWS", async () => {
  const client = Buffer.from(JSON.stringify({ custom: { who: "me" } })).toString("base64");
  const { body } = await answerOf("look", {}, { headers: { "x-amz-client-context": client } });
  const { environment } = body;
  assert.equal(body.directory, "/var/task");
  assert.equal(environment.AWS_LAMBDA_RUNTIME_API, `${esb.subnet.replace(/0\/\d+$/, "1")}:9001`);
  assert.equal(environment._HANDLER, "worker.look");
  assert.equal(environment.LAMBDA_TASK_ROOT, "/var/task");
  assert.equal(environment.LAMBDA_RUNTIME_DIR, "/var/runtime");
  assert.equal(environment.AWS_LAMBDA_FUNCTION_NAME, "look");
  assert.equal(environment.AWS_LAMBDA_FUNCTION_VERSION, "$LATEST");
  assert.equal(environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE, "256");
  assert.equal(environment.AWS_LAMBDA_LOG_GROUP_NAME, "/aws/lambda/look");
  assert.match(environment.AWS_LAMBDA_LOG_STREAM_NAME ?? "", /^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/);
  assert.equal(environment.AWS_LAMBDA_INITIALIZATION_TYPE, "on-demand");
  assert.equal(environment.TZ, ":UTC");
  assert.equal(environment.MINE, "yes");
  assert.equal(environment.PORT, undefined);
  assert.match(environment._X_AMZN_TRACE_ID ?? "", /^Root=1-/);
  assert.deepEqual(body.client, { custom: { who: "me" } });
  assert.match(body.functionArn, /^arn:aws:lambda:[a-z0-9-]+:\d{12}:function:look/);
  assert.ok(body.remainingMs > 5000 && body.remainingMs <= 10_000, String(body.remainingMs));
});

test("L3 S5: a worker is frozen once it has answered, and its next request thaws it where it was", async () => {
  const first = await answerOf("cold");
  await esb.waitForTask("cold-0", "PAUSED");
  const second = await answerOf("cold");
  assert.deepEqual([second.status, second.start, second.body.invocations], [200, "thawed", 2]);
  assert.equal(second.body.instance, first.body.instance);
  assert.equal(first.body.environment._HANDLER, "worker.look", "the image's own command");
});

test("L3: a handler's error is the function's, as its runtime told it, and the worker goes on", async () => {
  const failed = await answerOf("fail");
  assert.deepEqual([failed.status, failed.error, failed.start], [200, "Unhandled", "cold"]);
  assert.equal(failed.body.errorType, "RangeError");
  assert.equal(failed.body.errorMessage, "the handler says no");
  assert.ok(Array.isArray(failed.body.trace));
  assert.equal((await answerOf("fail")).start, "warm");
});

test("L3: a runtime that exits under an invocation is Runtime.ExitError, and the next has a fresh worker", async () => {
  const { body: before } = await answerOf("leave");
  const gone = await answerOf("leave", { leave: true, status: 3 });
  assert.deepEqual([gone.status, gone.error], [200, "Unhandled"]);
  const id = gone.response.headers.get("x-amzn-requestid");
  assert.deepEqual(gone.body, {
    errorType: "Runtime.ExitError",
    errorMessage: `RequestId: ${id} Error: Runtime exited with error: exit status 3`,
  });
  const next = await answerOf("leave");
  assert.deepEqual([next.status, next.start], [200, "cold"]);
  assert.notEqual(next.body.instance, before.instance);
});

test("L3: an invocation over its time is Sandbox.Timedout, and the next has a fresh worker", async () => {
  const { body: before } = await answerOf("slow");
  const late = await answerOf("slow", { waitMs: 60_000 });
  assert.deepEqual([late.status, late.error, late.body.errorType], [200, "Unhandled", "Sandbox.Timedout"]);
  assert.match(late.body.errorMessage, /^RequestId: \S+ Error: Task timed out after 3\.00 seconds$/);
  const next = await answerOf("slow");
  assert.deepEqual([next.status, next.start], [200, "cold"]);
  assert.notEqual(next.body.instance, before.instance);
});

for (const [name, errorType, errorMessage] of [
  ["broken", "Error", /^the module does not load$/],
  ["ending", "Runtime.ExitError", /^RequestId: \S+ Error: Runtime exited with error: exit status 7$/],
  ["endless", "Sandbox.Timedout", /^RequestId: \S+ Error: Task timed out after 3\.00 seconds$/],
] as const) {
  test(`L3 G8: an init phase of the kind ${name} is tried twice and told as ${errorType}`, async () => {
    const failed = await answerOf(name);
    assert.deepEqual([failed.status, failed.error, failed.body.errorType], [200, "Unhandled", errorType]);
    assert.match(failed.body.errorMessage, errorMessage);
    const lines = (await esb.agent.log()).split("\n").filter((line) => line.includes("an init phase failed"));
    assert.equal(lines.filter((line) => line.includes(`"${name}-0"`)).length, 2);
    assert.equal(await esb.taskState(`${name}-0`), undefined, "nothing is left of it");
  });
}

test("L3: the custom runtime of AWS's tutorial, a shell script with curl, runs as it is", async () => {
  const response = await esb.invoke("provided", { hello: 1 });
  assert.equal(response.status, 200);
  assert.equal(await response.text(), "Echoing request: '{\"hello\":1}'");
});

test("S7 L3: at the address of a worker that is gone nobody is invoked, and no worker reaches such an address", async () => {
  await answerOf("look");
  const { workers } = await esb.workers.list({});
  const worker = workers.find(({ id }) => id === "look-0");
  assert.ok(worker !== undefined && worker.driver === Driver.RUNTIME_API);
  assert.equal(worker.port, 9001, "the Runtime API's own: at 8080 of all addresses a gateway may listen");
  const invoke = () =>
    fetch(`http://${worker.host}:${worker.port}/2015-03-31/functions/function/invocations`, {
      method: "POST",
      body: "{}",
    });
  const { host, port } = worker;
  const reached = await answerOf("reach", { url: `http://${host}:${port}/`, method: "POST", body: "{}" });
  assert.equal(reached.body.outcome, "TimeoutError", "the firewall drops it");
  assert.equal((await invoke()).status, 200);
  await esb.workers.destroy({ workerId: worker.id, graceMs: 0 });
  await assert.rejects(invoke(), (error: Error) => /ECONNREFUSED/.test(String(error.cause)));
});

test("L3: a worker cannot answer for another: of an invocation that is not its own it knows nothing", async () => {
  const { body } = await answerOf("look");
  const api = `http://${body.environment.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;
  const reached = async (path: string, method: string) =>
    (await answerOf("reach", { url: `${api}/${path}`, method, body: method === "POST" ? '"stolen"' : undefined })).body;
  await reached("invocation/none/response", "POST");
  // As the gateway sends it, so that its id is known while it runs: twice as long as the thief needs.
  const { workers } = await esb.workers.list({});
  const victim = workers.find((worker) => worker.id === "look-0");
  const id = randomUUID();
  const running = fetch(`http://${victim?.host}:${victim?.port}/2015-03-31/functions/function/invocations`, {
    method: "POST",
    headers: { "x-amzn-requestid": id },
    body: JSON.stringify({ mine: true, waitMs: 4000 }),
  });
  for (const what of ["response", "error"]) {
    assert.equal((await reached(`invocation/${id}/${what}`, "POST")).outcome, 400, what);
  }
  // The thief works on an invocation itself: it gets no other one's.
  assert.equal((await reached("invocation/next", "GET")).outcome, 403);
  assert.equal(await Promise.race([running, "runs"]), "runs", "all the while");
  const { event, requestId } = (await (await running).json()) as Answer;
  assert.deepEqual([event, requestId], [{ mine: true, waitMs: 4000 }, id]);
});

test("L3: an agent that is killed loses no worker, and no invocation is answered twice or by nobody", async () => {
  const { body: before } = await answerOf("look");
  const running = answerOf("look", { waitMs: 3000 });
  await esb.agent.stop("SIGKILL");
  const during = await answerOf("look", { during: true });
  await esb.agent.start();
  await esb.agentReady();
  const { body: after } = await running;
  assert.equal(after.instance, before.instance);
  assert.equal(after.invocations, before.invocations + 1);
  const next = await answerOf("look");
  assert.equal(next.start, "warm");
  assert.ok([before.instance, during.body.instance].includes(next.body.instance));
});

test("L3: when the process that serves the Runtime API is killed, its workers are replaced, frozen ones too", async () => {
  const [look, cold] = [await answerOf("look"), await answerOf("cold")];
  await esb.waitForTask("cold-0", "PAUSED");
  await esb.runtimeApi.stop("SIGKILL");
  await esb.runtimeApi.start();
  for (const [name, before] of [
    ["look", look],
    ["cold", cold],
  ] as const) {
    await until(
      async () => {
        const next = await answerOf(name);
        assert.deepEqual([next.status, next.error], [200, null], JSON.stringify(next.body));
        assert.notEqual(next.body.instance, before.body.instance);
      },
      patienceMs,
      async (error) => `${name} does not recover: ${error}`,
    );
  }
});
