import assert from "node:assert/strict";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { type Harness, startHarness } from "../testing/harness.ts";
import { toProblem } from "./unreadable.ts";

let harness: Harness;
before(async () => {
  harness = await startHarness();
});
after(() => harness[Symbol.asyncDispose]());

function open() {
  const socket = connect(Number(new URL(harness.url).port), "127.0.0.1");
  return { socket, received: text(socket) };
}

const path = "/2015-03-31/functions/hello/invocations";
const cases: ReadonlyArray<readonly [string, string, number, "Lambda" | "API Gateway", RegExp]> = [
  ["no HTTP at all", "nonsense\r\n\r\n", 400, "API Gateway", /^Bad Request$/],
  ["no Host", `POST ${path} HTTP/1.1\r\n\r\n`, 400, "Lambda", /it has no Host$/],
  ["no Host, elsewhere", "GET /users HTTP/1.1\r\n\r\n", 400, "API Gateway", /^Bad Request$/],
  [
    "a body whose chunks are none",
    `POST ${path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzzz\r\n`,
    400,
    "Lambda",
    /chunk size/,
  ],
  [
    "two lengths",
    `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n`,
    400,
    "Lambda",
    /Content-Length/,
  ],
  [
    "an Expect that nobody knows",
    `POST ${path} HTTP/1.1\r\nhost: x\r\nexpect: wonders\r\ncontent-length: 0\r\n\r\n`,
    417,
    "Lambda",
    /^Expect: wonders is not known/,
  ],
  ["a tunnel", "CONNECT x:80 HTTP/1.1\r\nhost: x:80\r\n\r\n", 400, "API Gateway", /^Bad Request$/],
];
for (const [what, sent, status, shape, message] of cases) {
  test(`refused in ${shape}'s shape, and the connection ends: ${what}`, async () => {
    const { socket, received } = open();
    socket.write(`${sent}GET /health HTTP/1.1\r\n`);
    const [head = "", body = ""] = (await received).split("\r\n\r\n");
    assert.match(head, new RegExp(`^HTTP/1.1 ${status} `));
    assert.match(head, /^x-amzn-requestid: [0-9a-f-]{36}$/im);
    assert.match(head, /^content-type: application\/json$/im);
    assert.match(head, /^connection: close$/im);
    const told = JSON.parse(body);
    assert.match(told.message, message);
    assert.equal(told.Type, shape === "Lambda" ? "User" : undefined);
    assert.match(head, shape === "Lambda" ? /^x-amzn-errortype: InvalidRequest/im : /^x-amzn-errortype: BadRequest/im);
  });
}

test("a body that breaks off in what is no chunk: 400, and the function is not invoked", async () => {
  const { socket, received } = open();
  socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n`);
  socket.write("zzz\r\n");
  assert.match(await received, /^HTTP\/1.1 400 /);
  assert.deepEqual(
    harness.agent.calls.filter((call) => call.startsWith("ensure")),
    [],
  );
});

test("behind a request that still runs, the connection is cut: the client would take a 400 for its answer", async () => {
  const begun = Promise.withResolvers<() => void>();
  harness.agent.handler = (_request, response) => begun.resolve(() => response.end("{}"));
  const { socket, received } = open();
  socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}`);
  const finish = await begun.promise;
  socket.write("nonsense\r\n\r\n");
  assert.equal(await received, "");
  finish();
});

test("a client that reads why and goes on sending is cut off all the same", { timeout: 20_000 }, async () => {
  const socket = connect({ port: Number(new URL(harness.url).port), host: "127.0.0.1", allowHalfOpen: true });
  const closed = new Promise<void>((resolve) => {
    socket.on("error", () => undefined).once("close", () => resolve());
  });
  socket.resume().write("nonsense\r\n\r\n");
  const dripping = setInterval(() => socket.write("x"), 100);
  await closed;
  clearInterval(dripping);
});

const codes: ReadonlyArray<readonly [string, string]> = [
  ["ERR_HTTP_REQUEST_TIMEOUT", "TIMED_OUT"],
  ["HPE_CHUNK_EXTENSIONS_OVERFLOW", "BODY_TOO_LARGE"],
  ["HPE_HEADER_OVERFLOW", "HEAD_TOO_LARGE"],
  ["HPE_INVALID_METHOD", "MALFORMED"],
];
for (const [code, name] of codes) {
  test(`${code} of Node is ${name}`, () => {
    assert.equal(toProblem(Object.assign(new Error("x"), { code })).name, name);
  });
}
