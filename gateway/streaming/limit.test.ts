import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { AnswerWriter } from "../apigateway/writer.ts";
import type { AnswerHead } from "../lambda/answer.ts";
import type { InvocationReply, Served } from "../lambda/invocation-reply.ts";
import { Reply } from "../lambda/reply.ts";
import { apiRequest } from "../testing/api-requests.ts";
import { urlHost } from "../testing/function-url.ts";
import { startHarness } from "../testing/harness.ts";
import { listening } from "../testing/listen.ts";
import { largestStreamBytes } from "./limit.ts";
import { StreamReply } from "./stream-reply.ts";
import { UrlStreamReply } from "./url-reply.ts";

const head: AnswerHead = {
  contentType: "text/plain",
  contentEncoding: undefined,
  functionError: undefined,
  logResult: undefined,
};
const served = { worker: { id: "hello-0" }, start: "warm", phases: undefined } as unknown as Served;

/** A client of a reply to which these pieces are written. */
async function clientOf(toReply: (response: ServerResponse) => InvocationReply, pieces: readonly string[]) {
  await using stack = new AsyncDisposableStack();
  const server = createServer((_request, response) => {
    const sink = toReply(response).begin(head, undefined, served) ?? assert.fail();
    for (const piece of pieces) if (!sink.writableEnded) sink.write(piece);
    sink.end();
  });
  const port = await listening(server);
  stack.defer(() => void server.close());
  const [response] = (await once(request({ port, agent: false }).end(), "response")) as [IncomingMessage];
  return text(response);
}

test("L5: InvokeWithResponseStream: beyond the limit Function.ResponseSizeTooLarge, behind what came before", async () => {
  const toReply = (response: ServerResponse) =>
    new StreamReply({ reply: new Reply(response, "id", "trace"), tail: undefined, largestBytes: 10 });
  const whole = await clientOf(toReply, ["12345", "67890"]);
  assert.match(whole, /12345[\s\S]*67890[\s\S]*InvokeComplete[\s\S]*\{\}/);
  const over = await clientOf(toReply, ["12345", "67890", "x"]);
  const message = "Response payload size exceeded maximum allowed payload size \\(10 bytes\\)\\.";
  assert.match(over, /12345[\s\S]*67890[\s\S]*InvokeComplete/);
  assert.match(
    over,
    new RegExp(
      `"ErrorCode":"Function\\.ResponseSizeTooLarge","ErrorDetails":.*Function\\.ResponseSizeTooLarge.*${message}`,
    ),
  );
});

test("L5: a function URL's stream is cut off beyond the limit", async () => {
  const errors: string[] = [];
  const toReply = (response: ServerResponse) => {
    const writer = new AnswerWriter(response, "id", { payload: "2.0", cors: undefined }, undefined);
    const onAnswer = (_status: number, error?: Error) => void errors.push(error?.message ?? "answered");
    return new UrlStreamReply({ request: apiRequest(), response, writer, onAnswer, largestBytes: 10 });
  };
  assert.equal(await clientOf(toReply, ["12345", "67890"]), "1234567890");
  await assert.rejects(clientOf(toReply, ["12345", "67890", "x"]), { code: "ECONNRESET" });
  assert.deepEqual(errors, ["answered", "answered"]);
});

test("L5: the limit is 200 MiB, to the byte", async () => {
  const functions = "functions: { hello: { image: x, timeout: 60, url: { auth: NONE, invokeMode: RESPONSE_STREAM } } }";
  await using harness = await startHarness({}, functions);
  const { hostname, port } = new URL(harness.url);
  const piece = Buffer.alloc(2 ** 20);
  for (const more of [0, 1]) {
    harness.agent.handler = async (_request, response) => {
      response.writeHead(200, { "content-type": "text/plain" });
      for (let written = 0; written < 200; written++) {
        if (!response.write(piece)) await once(response, "drain");
      }
      response.end(Buffer.alloc(more));
    };
    const sent = request({ hostname, port, agent: false, headers: { host: urlHost("hello") } }).end();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    let bytes = 0;
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    if (more === 0) await once(response, "end");
    else await assert.rejects(once(response, "end"), { code: "ECONNRESET" });
    assert.ok(more === 0 ? bytes === largestStreamBytes : bytes <= largestStreamBytes, `${bytes}`);
  }
  assert.equal(largestStreamBytes, 200 * 2 ** 20);
});
