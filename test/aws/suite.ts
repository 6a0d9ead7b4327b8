import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { probeArchive, probeImage, staticServerArchive, staticServerImage } from "../support/images.ts";
import { nodeClientArchive, nodeClientImage, providedArchive, providedImage } from "../support/runtimes/images.ts";
import type { Answer, AwsClient } from "./clients/client.ts";

/** Requests that may wait for a function: one more is throttled at once. */
const queueLimit = 1;

const functions = `
defaults: { timeout: 20, memory: 256, concurrency: { max: 1 } }
functions:
  probe: { image: "${probeImage}" }
  echo: { image: "${staticServerImage}", environment: { ECHO: "1" } }
  # As the examples of AWS's documentation call it.
  my-function: { image: "${staticServerImage}", environment: { ECHO: "1" } }
  bash-runtime: { image: "${providedImage}" }
  image-analysis: { image: "${staticServerImage}" }
  slow: { image: "${probeImage}", timeout: 3 }
  busy: { image: "${probeImage}" }
  handler: { image: "${nodeClientImage}", handler: worker.look }
  failing: { image: "${nodeClientImage}", handler: worker.fail }
  pieces: { image: "${nodeClientImage}", handler: stream.pieces }
  guide: { image: "${nodeClientImage}", handler: guide.echo }
  never: { image: "${staticServerImage}" }
`;

export const arnOf = (name: string) => `arn:aws:lambda:us-east-1:123456789012:function:${name}`;
export const inBase64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64");

/** An esb and a client of it; a string in place of the client: why there is none on this machine. */
export interface Setting<C extends AwsClient> {
  readonly esb: TestEsb;
  readonly client: C;
}

export type SettingTest<C extends AwsClient> = (
  name: string,
  body: (setting: Setting<C>, context: TestContext) => Promise<void>,
) => void;

/** One esb for the tests of a file; without the client, each of them is skipped and says why. */
export function withClient<C extends AwsClient>(open: (url: string) => Promise<C | string>): SettingTest<C> {
  const stack = new AsyncDisposableStack();
  let setting: Setting<C> | string = "not set up";
  before(async () => {
    const client = await open("http://127.0.0.1:1");
    if (typeof client === "string") {
      setting = client;
      return;
    }
    await client[Symbol.asyncDispose]();
    const archives = await Promise.all([probeArchive(), staticServerArchive(), nodeClientArchive(), providedArchive()]);
    const settings = { ESB_QUEUE_LIMIT: String(queueLimit) };
    const esb = stack.use(await startEsb({ archives, functions, settings, runtimeApi: true }));
    const opened = await open(esb.url);
    assert.notEqual(typeof opened, "string");
    setting = { esb, client: stack.use(opened as C) };
  });
  after(() => stack.disposeAsync());
  return (name, body) =>
    void test(name, async (context) => {
      if (typeof setting === "string") context.skip(setting);
      else await body(setting, context);
    });
}

const payloadOf = <T>({ payload, error }: Answer): T => {
  assert.equal(error, undefined);
  return JSON.parse(payload ?? assert.fail("no payload"));
};

const refusedWith = ({ error }: Answer, name: string, status: number, message: string | RegExp) => {
  assert.equal(error?.name, name);
  // The CLI does not tell it.
  if (error?.status !== undefined) assert.equal(error.status, status);
  if (typeof message === "string") assert.equal(error?.message, message);
  else assert.match(error?.message ?? "", message);
};

/** What every client must find as AWS has it (L1, L2; docs.aws.amazon.com/lambda/latest/api/API_Invoke.html). */
export function invokeSuite<C extends AwsClient>(who: string, settled: SettingTest<C>): void {
  const its: SettingTest<C> = (name, body) => settled(`${name} (${who})`, body);

  its("L1: RequestResponse: status, executed version, and the function's own bytes", async ({ client }) => {
    const number = '{ "big" : 12345678901234567890.10, "text":"ä\\u0000" }';
    const { status, executedVersion, functionError, payload } = await client.invoke({ name: "echo", payload: number });
    assert.deepEqual([status, executedVersion, functionError, payload], [200, "$LATEST", undefined, number]);
  });

  its("L1: no payload is an empty object, null is null", async ({ client }) => {
    assert.equal((await client.invoke({ name: "echo" })).payload, "{}");
    assert.equal((await client.invoke({ name: "echo", payload: "null" })).payload, "null");
  });

  its("L1: DryRun is 204, and nothing runs", async ({ client, esb }) => {
    const { status, payload } = await client.invoke({ name: "never", payload: "{}", type: "DryRun" });
    assert.deepEqual([status, payload || ""], [204, ""]);
    const { workers } = await esb.workers.list({});
    assert.equal(
      workers.some(({ function: name }) => name === "never"),
      false,
    );
    refusedWith(
      await client.invoke({ name: "nobody", type: "DryRun" }),
      "ResourceNotFoundException",
      404,
      `Function not found: ${arnOf("nobody")}`,
    );
  });

  its("L1: Event is 202 with nothing in it, and the function runs", async ({ client }) => {
    const path = "/tmp/event";
    const payload = JSON.stringify({ op: "write", path, content: "done" });
    const { status, payload: empty, error } = await client.invoke({ name: "probe", payload, type: "Event" });
    assert.deepEqual([status, empty || "", error], [202, "", undefined]);
    const read = JSON.stringify({ op: "read", path });
    await until(
      async () => {
        const { content } = payloadOf<{ content?: string }>(await client.invoke({ name: "probe", payload: read }));
        assert.equal(content, "done");
      },
      patienceMs,
      async (error) => `the event has not run: ${error}`,
    );
  });

  its("L1: names, ARNs, partial ARNs and qualifiers; other qualifiers are not found", async ({ client }) => {
    for (const [name, qualifier] of [
      ["echo", "$LATEST"],
      ["echo:$LATEST"],
      ["123456789012:function:echo"],
      ["123456789012:function:echo:$LATEST"],
      ["123456789012:function:echo", "$LATEST"],
      ["123456789012:echo"],
      [arnOf("echo")],
      [`${arnOf("echo")}:$LATEST`],
      [arnOf("echo"), "$LATEST"],
      [`${arnOf("echo")}:$LATEST`, "$LATEST"],
    ] as const) {
      const answer = await client.invoke({ name, payload: "1", ...(qualifier && { qualifier }) });
      assert.deepEqual([answer.status, answer.payload], [200, "1"], name);
    }
    for (const [name, qualifier] of [
      ["echo", "1"],
      ["echo:1"],
      [`${arnOf("echo")}:1`],
      ["123456789012:function:echo:1", "1"],
    ] as const) {
      const missing = await client.invoke({ name, ...(qualifier && { qualifier }) });
      refusedWith(missing, "ResourceNotFoundException", 404, `Function not found: ${arnOf("echo")}:1`);
    }
    const published = await client.invoke({ name: "echo", qualifier: "$LATEST.PUBLISHED" });
    const none = "The function has no published versions available.";
    refusedWith(published, "NoPublishedVersionException", 400, none);
    const elsewhere = await client.invoke({ name: "arn:aws:lambda:eu-west-1:123456789012:function:echo" });
    const unreachable = "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')";
    refusedWith(elsewhere, "ResourceNotFoundException", 404, unreachable);
    const twoQualifiers = await client.invoke({ name: "echo:prod", qualifier: "test" });
    const message = "The derived qualifier from the function name does not match the specified qualifier.";
    refusedWith(twoQualifiers, "InvalidParameterValueException", 400, message);
  });

  its(
    "L1: the function gets the client context, the content type, the trace and the request's id",
    async ({ client }) => {
      const clientContext = inBase64({ client: { app_title: "x" }, custom: { k: "ä" }, env: {} });
      const payload = JSON.stringify({ op: "head" });
      const answer = await client.invoke({ name: "probe", payload, clientContext });
      const head = payloadOf<Record<string, string>>(answer);
      assert.equal(head["x-amz-client-context"], clientContext);
      assert.match(head["x-amzn-trace-id"] ?? "", /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$/);
      assert.ok(head["content-type"]);
      if (answer.requestId !== undefined) assert.equal(head["x-amzn-requestid"], answer.requestId);
      const refused = await client.invoke({ name: "probe", payload, clientContext: "no base64!" });
      const message = "Client context must be a valid Base64-encoded JSON object.";
      refusedWith(refused, "InvalidRequestContentException", 400, message);
    },
  );

  its(
    "L1: LogType Tail: START, the function's own lines, END and REPORT; Init Duration after a cold start",
    async ({ client }) => {
      const tail = async (op: object) =>
        (await client.invoke({ name: "busy", payload: JSON.stringify(op), logType: "Tail" })).log ?? "";
      const cold = await tail({ op: "print", stdout: "first\nsecond\n", stderr: "third\n" });
      const [start, ...rest] = cold.slice(0, -1).split("\n");
      const id = /^START RequestId: ([0-9a-f-]{36}) Version: \$LATEST$/.exec(start ?? "")?.[1];
      assert.ok(id !== undefined, cold);
      assert.deepEqual(rest.slice(0, -2).toSorted(), ["first", "second", "third"]);
      assert.equal(rest.at(-2), `END RequestId: ${id}`);
      const report =
        /^REPORT RequestId: (\S+)\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 256 MB\tMax Memory Used: (\d+) MB\t(Init Duration: \d+\.\d\d ms\t)?$/;
      const [, reported, used, init] = report.exec(rest.at(-1) ?? "") ?? assert.fail(cold);
      assert.equal(reported, id);
      assert.ok(Number(used) > 0 && Number(used) <= 256);
      assert.ok(init !== undefined, "the first request has made the worker");
      const warm = await tail({ op: "print", stdout: `${"x".repeat(6000)}\nlast\n` });
      assert.equal(Buffer.byteLength(warm), 4096);
      assert.match(warm, /x\nlast\nEND RequestId: /);
      assert.doesNotMatch(warm, /Init Duration|third/);
      const none = { name: "busy", payload: '{"op":"id"}' };
      assert.equal((await client.invoke(none)).log, undefined);
      assert.equal((await client.invoke({ ...none, logType: "None" })).log, undefined);
    },
  );

  its(
    "L1: a function's error is 200 with FunctionError and the payload as the function sent it",
    async ({ client }) => {
      const { status, functionError, payload } = await client.invoke({ name: "probe", payload: '{"op":"fail"}' });
      assert.deepEqual([status, functionError], [200, "Unhandled"]);
      assert.equal(payload, '{"errorType":"Error","errorMessage":"as told"}');
    },
  );

  its("L1: a handler's context has the request's id, its ARN and the client context", async ({ client }) => {
    const custom = { custom: { who: "me" } };
    const invocation = {
      name: "handler",
      payload: '{"n":1}',
      logType: "Tail",
      clientContext: inBase64(custom),
    } as const;
    const answer = await client.invoke(invocation);
    const { event, requestId, functionArn, client: seen } = payloadOf<Record<string, unknown>>(answer);
    assert.deepEqual([event, functionArn, seen], [{ n: 1 }, arnOf("handler"), custom]);
    const [, logged] = /^START RequestId: (\S+) /.exec(answer.log ?? "") ?? [];
    assert.equal(requestId, logged);
    if (answer.requestId !== undefined) assert.equal(requestId, answer.requestId);
  });

  its("L1: what a handler throws comes as the runtime has sent it", async ({ client }) => {
    const answer = await client.invoke({ name: "failing", payload: "{}" });
    assert.deepEqual([answer.status, answer.functionError], [200, "Unhandled"]);
    const { errorType, errorMessage, trace } = payloadOf<Record<string, unknown>>(answer);
    assert.deepEqual([errorType, errorMessage], ["RangeError", "the handler says no"]);
    assert.match(String(trace), /^RangeError: the handler says no,/);
  });

  its("L2: a function over its time: Sandbox.Timedout, and a new worker for the next", async ({ client, esb }) => {
    const instance = async () =>
      (await esb.workers.list({})).workers.find(({ function: name }) => name === "slow")?.instanceId;
    payloadOf(await client.invoke({ name: "slow", payload: '{"op":"id"}' }));
    const before = await instance();
    const payload = '{"op":"sleep","ms":20000,"say":"so tired"}';
    const over = await client.invoke({ name: "slow", payload, logType: "Tail" });
    assert.deepEqual([over.status, over.functionError], [200, "Unhandled"]);
    const { errorType, errorMessage } = payloadOf<Record<string, string>>(over);
    assert.equal(errorType, "Sandbox.Timedout");
    assert.match(errorMessage ?? "", /^RequestId: [0-9a-f-]{36} Error: Task timed out after 3\.00 seconds$/);
    assert.match(over.log ?? "", /^START .*\nso tired\n/);
    assert.match(over.log ?? "", /Task timed out after 3\.00 seconds\n\nEND .*\nREPORT .*\tStatus: timeout\n$/);
    payloadOf(await client.invoke({ name: "slow", payload: '{"op":"id"}' }));
    assert.notEqual(await instance(), before);
  });

  its("L1: a worker that ends: Runtime.ExitError, and the next is served", async ({ client }) => {
    const died = await client.invoke({ name: "probe", payload: '{"op":"exit","code":3}' });
    assert.deepEqual([died.status, died.functionError], [200, "Unhandled"]);
    const { errorType, errorMessage } = payloadOf<Record<string, string>>(died);
    assert.equal(errorType, "Runtime.ExitError");
    assert.match(errorMessage ?? "", /^RequestId: [0-9a-f-]{36} Error: Runtime exited/);
    payloadOf(await client.invoke({ name: "probe", payload: '{"op":"id"}' }));
  });

  its("L1: 6 MiB in and out, and not one byte more", async ({ client }) => {
    const largest = `"${"x".repeat(6 * 2 ** 20 - 2)}"`;
    assert.equal((await client.invoke({ name: "echo", payload: largest })).payload?.length, largest.length);
    const tooLarge = await client.invoke({ name: "echo", payload: `${largest} ` });
    const message = "Request must be smaller than 6291456 bytes for the InvokeFunction operation";
    refusedWith(tooLarge, "RequestTooLargeException", 413, message);
    for (const chunked of [false, true]) {
      const payload = JSON.stringify({ op: "big", bytes: 6_291_557, chunked });
      const answer = await client.invoke({ name: "probe", payload });
      assert.deepEqual([answer.status, answer.functionError], [200, "Unhandled"]);
      assert.deepEqual(payloadOf(answer), {
        errorType: "Function.ResponseSizeTooLarge",
        errorMessage: "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
      });
    }
    const event = await client.invoke({ name: "echo", payload: `"${"x".repeat(2 ** 20)}"`, type: "Event" });
    const words = "1048578 byte payload is too large for the Event invocation type (limit 1048576 bytes)";
    refusedWith(event, "RequestTooLargeException", 413, words);
  });

  its("L1: a type of invocation that there is not, in AWS's words", async ({ client }) => {
    const answer = await client.invoke({ name: "echo", type: "dry_run" as "DryRun" });
    const constraint = "Member must satisfy enum value set: [Event, RequestResponse, DryRun]";
    const message = `1 validation error detected: Value 'dry_run' at 'invocationType' failed to satisfy constraint: ${constraint}`;
    refusedWith(answer, "ValidationException", 400, message);
  });

  its("L1: a payload that is no JSON, and a function that is not there", async ({ client }) => {
    const notJson = await client.invoke({ name: "echo", payload: "value" });
    refusedWith(notJson, "InvalidRequestContentException", 400, /^Could not parse request body into json: /);
    const message = `Function not found: ${arnOf("nobody")}`;
    refusedWith(await client.invoke({ name: "nobody" }), "ResourceNotFoundException", 404, message);
  });

  its(
    "L1: a function that has as many requests as it may: TooManyRequestsException with its reason",
    async ({ client, esb }) => {
      // The first ends long after the slowest client has been told.
      const payloads = [{ op: "sleep", ms: 18_000 }, ...Array.from({ length: queueLimit }, () => ({ op: "id" }))];
      const taken = payloads.map((payload) => esb.invoke("busy", payload));
      const waiting = async () => {
        const text = await (await fetch(`${esb.url}/metrics`)).text();
        assert.match(text, new RegExp(`esb_queue_length\\{function="busy"\\} ${queueLimit}\\b`));
      };
      await until(waiting, patienceMs, async (error) => `nobody waits: ${error}`);
      const throttled = await client.invoke({ name: "busy", payload: "{}" });
      refusedWith(throttled, "TooManyRequestsException", 429, /^Rate Exceeded/);
      const { reason, retryAfter, status } = throttled.error ?? {};
      if (status !== undefined) {
        assert.deepEqual([reason, retryAfter], ["ReservedFunctionConcurrentInvocationLimitExceeded", "1"]);
      }
      for (const { status: served } of await Promise.all(taken)) assert.equal(served, 200);
    },
  );
}
