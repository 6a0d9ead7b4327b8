import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { type RuntimeApiProcess, sendInvocation, startRuntimeApiProcess } from "../support/runtimes/clients.ts";

/** esb's own runtime for Node, deploy/runtimes/node; what it shares with AWS's is in runtime-clients.test.ts. */

const bootstrap = join(import.meta.dirname, "../../deploy/runtimes/node/bootstrap.mjs");

const files: Readonly<Record<string, string>> = {
  "index.mjs": `
    export const handler = (event, context) => ({ ...context, event, remainingMs: context.getRemainingTimeInMillis() });
    export const nothing = async () => undefined;
    export const circle = async () => { const a = {}; a.a = a; return a; };
    export const text = async () => { throw "no error at all"; };
    export const deep = { api: { get: async () => "deep" } };
    export const calling = (event, context, callback) => callback(null, 1);
    export const value = 5;`,
  "src/app.js": "exports.handler = async () => __filename;",
  "whole.cjs": "const name = 'handler'; module.exports = { [name]: async () => 'whole' };",
  "node_modules/shop/index.js": "exports.handler = async () => 'package';",
  "wrong.mjs": "export const handler = async (",
  "throws.mjs": "throw new RangeError('not today');",
  "needs.cjs": "require('nothing-of-this-name');",
  "stream.mjs": `
    import { pipeline } from "node:stream/promises";
    const { streamifyResponse, HttpResponseStream } = globalThis.awslambda;
    export const early = streamifyResponse(async () => { throw new RangeError("not one piece"); });
    export const quick = streamifyResponse(async (event, stream) => {
      for (let n = 0; n < 100; n++) stream.write("x".repeat(10_000));
      throw new RangeError("behind a hundred pieces");
    });
    export const source = streamifyResponse(async (event, stream) => {
      await pipeline(async function* () { yield "one "; throw new RangeError("of the source"); }, stream);
    });
    export const page = streamifyResponse(async (event, stream) => {
      const body = HttpResponseStream.from(stream, { statusCode: 203 });
      await pipeline(async function* () { yield "one "; yield "two"; }, body);
    });
    export const late = streamifyResponse(async (event, stream) => {
      setTimeout(() => stream.end("behind its handler"), 50);
    });`,
};

let api: RuntimeApiProcess;
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "esb-node-runtime-"));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  api = await startRuntimeApiProcess();
});
after(async () => {
  await api?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function start(handler: string) {
  const environment = { LAMBDA_TASK_ROOT: folder, _HANDLER: handler };
  const { admission } = await api.run({ command: [process.execPath, bootstrap], environment });
  const { failure } = await api.control.waitReady({ instanceId: admission.instanceId });
  return { admission, failure };
}

async function runs(handler: string, headers: Record<string, string> = {}, event: unknown = {}) {
  const { admission, failure } = await start(handler);
  assert.equal(failure, undefined, failure?.errorMessage);
  const [response] = (await once(sendInvocation(admission, event, headers), "response")) as [IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return { response, error: response.headers["x-amz-function-error"], body: Buffer.concat(parts).toString() };
}

test("L3 Node runtime: the context has AWS's names; one that is no JSON is none", async () => {
  const identity = { "x-amz-cognito-identity": '{"cognitoIdentityId":"me"}' };
  const client = { "x-amz-client-context": Buffer.from("not JSON").toString("base64") };
  const { body } = await runs("index.handler", { ...identity, ...client, "x-amzn-requestid": "request-1" }, { n: 1 });
  const { remainingMs, ...seen } = JSON.parse(body);
  assert.ok(remainingMs > 5000 && remainingMs <= 10_000, `${remainingMs}`);
  assert.deepEqual(seen, {
    event: { n: 1 },
    awsRequestId: "request-1",
    invokedFunctionArn: "arn:aws:lambda:us-east-1:000000000000:function:hello",
    identity: { cognitoIdentityId: "me" },
    functionName: "hello",
    functionVersion: "$LATEST",
    memoryLimitInMB: "128",
    logGroupName: "/aws/lambda/hello",
    logStreamName: "stream",
  });
});

for (const [handler, expected] of [
  ["index.nothing", "null"],
  ["index.deep.api.get", '"deep"'],
  ["src/app.handler", /"\/.*\/src\/app\.js"/],
  ["whole.handler", '"whole"'],
  ["shop.handler", '"package"'],
] as const) {
  test(`L3 Node runtime: the handler ${handler} is found, and answers`, async () => {
    const { body, error } = await runs(handler);
    assert.equal(error, undefined, body);
    if (typeof expected === "string") assert.equal(body, expected);
    else assert.match(body, expected);
  });
}

for (const [handler, errorType, errorMessage] of [
  ["index", "Runtime.MalformedHandlerName", /^'index' is no handler's name/],
  ["../index.handler", "Runtime.MalformedHandlerName", /is no handler's name/],
  ["index.other", "Runtime.HandlerNotFound", /^index\.other is undefined or not exported$/],
  ["index.deep.other.get", "Runtime.HandlerNotFound", /is undefined or not exported$/],
  ["index.value", "Runtime.HandlerNotFound", /^index\.value is not a function$/],
  ["index.calling", "Runtime.CallbackHandlerDeprecated", /takes a callback/],
  ["wrong.handler", "Runtime.UserCodeSyntaxError", /^SyntaxError: /],
  ["needs.handler", "Runtime.ImportModuleError", /^Error: Cannot find module 'nothing-of-this-name'/],
  ["throws.handler", "RangeError", /^not today$/],
] as const) {
  test(`L3 Node runtime: the handler ${handler} is an init error, ${errorType}`, async () => {
    const { failure } = await start(handler);
    assert.equal(failure?.errorType, errorType);
    assert.match(failure.errorMessage, errorMessage);
    assert.ok(Array.isArray(JSON.parse(String(failure.payload)).trace));
  });
}

for (const [handler, told] of [
  ["index.circle", { errorType: "Runtime.JSONStringifyError", errorMessage: "Unable to stringify response body" }],
  ["index.text", { errorType: "string", errorMessage: "no error at all", trace: [] }],
] as const) {
  test(`L3 Node runtime: ${handler} is the function's error, ${told.errorType}`, async () => {
    const { body, error } = await runs(handler);
    const { trace, ...rest } = JSON.parse(body);
    assert.equal(error, "Unhandled");
    assert.deepEqual("trace" in told ? { ...rest, trace } : rest, told);
  });
}

const streaming = { "x-esb-response-mode": "streaming" };

test("L5 Node runtime: an error before the first piece is an ordinary one; behind pieces it is told with all of them", async () => {
  const early = await runs("stream.early", streaming);
  assert.deepEqual([early.error, JSON.parse(early.body).errorMessage], ["Unhandled", "not one piece"]);
  const { body, response } = await runs("stream.quick", streaming);
  assert.equal(body.length, 1_000_000);
  assert.equal(response.trailers["lambda-runtime-function-error-type"], "RangeError");
  const source = await runs("stream.source", streaming);
  assert.equal(source.body, "one ");
  assert.equal(source.response.trailers["lambda-runtime-function-error-type"], "RangeError");
});

test("L5 Node runtime: a function URL's status goes before the first piece; a stream may end after its handler", async () => {
  const { body, response } = await runs("stream.page", streaming);
  assert.equal(response.headers["content-type"], "application/vnd.awslambda.http-integration-response");
  assert.equal(body, `{"statusCode":203}${"\0".repeat(8)}one two`);
  assert.equal((await runs("stream.late", streaming)).body, "behind its handler");
});
