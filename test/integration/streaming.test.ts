import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  InvokeWithResponseStreamCommand,
  type InvokeWithResponseStreamCompleteEvent,
  LambdaClient,
} from "@aws-sdk/client-lambda";
import { startEsb, type TestEsb, type TestProcess } from "../support/esb.ts";
import { nodeClientArchive, nodeClientImage } from "../support/runtimes/images.ts";

/** Streamed answers of AWS's own runtime client, read by AWS's own SDK, both unmodified. */

const functions = `
defaults: { timeout: 10, memory: 256, idle: { freezeAfterMs: -1 } }
functions:
  pieces: { image: ${nodeClientImage}, handler: stream.pieces }
  flood: { image: ${nodeClientImage}, handler: stream.pieces, timeout: 60 }
  short: { image: ${nodeClientImage}, handler: stream.pieces, timeout: 1 }
  single: { image: ${nodeClientImage}, handler: stream.pieces, concurrency: { max: 1 } }
  page: { image: ${nodeClientImage}, handler: stream.page, url: { auth: NONE, invokeMode: RESPONSE_STREAM } }
  buffered: { image: ${nodeClientImage}, handler: stream.page, url: { auth: NONE } }
  whole: { image: ${nodeClientImage}, handler: stream.whole }
`;

let esb: TestEsb;
let client: LambdaClient;

before(async () => {
  // On a busy machine Node takes longer than AWS's ten seconds.
  const settings = { ESB_INIT_TIMEOUT_MS: "60000" };
  esb = await startEsb({ functions, archives: [await nodeClientArchive()], runtimeApi: true, settings });
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  client = new LambdaClient({ endpoint: esb.url, region: "us-east-1", credentials, maxAttempts: 1 });
});
after(async () => {
  client?.destroy();
  await esb?.[Symbol.asyncDispose]();
});

interface Piece {
  readonly text: string;
  /** When the client had it, in milliseconds since 1970. */
  readonly atMs: number;
}

async function stream(name: string, event: object, onPiece: (piece: Piece) => Promise<void> | void = () => undefined) {
  const command = new InvokeWithResponseStreamCommand({
    FunctionName: name,
    Payload: JSON.stringify(event),
    LogType: "Tail",
  });
  const answer = await client.send(command);
  const pieces: Piece[] = [];
  let end: InvokeWithResponseStreamCompleteEvent | undefined;
  for await (const { PayloadChunk: chunk, InvokeComplete: complete } of answer.EventStream ?? []) {
    if (chunk !== undefined) {
      const piece = { text: Buffer.from(chunk.Payload ?? []).toString(), atMs: Date.now() };
      pieces.push(piece);
      await onPiece(piece);
    }
    end = complete ?? end;
  }
  return { answer, pieces, text: pieces.map(({ text }) => text).join(""), end: end ?? assert.fail("it did not end") };
}

const instanceOf = async (name: string) => (await stream(name, {})).text.split(" ")[0];

test("L5: the first byte is with the client within 20 ms of the function's write, and not when it ends", async () => {
  await stream("pieces", {});
  const delays: number[] = [];
  // Somebody else may have the processor at any one moment.
  for (let round = 0; round < 50 && !delays.some((ms) => ms <= 20); round++) {
    const { pieces, end } = await stream("pieces", { waitMs: 150 });
    assert.equal(end.ErrorCode, undefined);
    const [first, last] = [pieces[0], pieces.at(-1)];
    assert.ok(first !== undefined && last !== undefined);
    assert.ok(last.atMs - first.atMs >= 100, "the pieces come one by one");
    delays.push(first.atMs - Number(first.text.split(" ")[1]));
  }
  const best = delays.sort((a, b) => a - b)[0] ?? Number.NaN;
  assert.ok(best <= 20, `${delays}`);
});

test("L5: LogType Tail has its place behind the stream", async () => {
  const { end } = await stream("pieces", {});
  assert.match(Buffer.from(end.LogResult ?? "", "base64").toString(), /^START RequestId: [\s\S]*\nREPORT RequestId: /);
});

test("L5: a handler that streams nothing gives its whole answer", async () => {
  const { text, end } = await stream("whole", { a: "ä" });
  assert.deepEqual([JSON.parse(text), end.ErrorCode], [{ whole: { a: "ä" } }, undefined]);
});

test("L5: an error before and one in the middle are told as the runtime has told them, and the worker goes on", async () => {
  const before = await instanceOf("pieces");
  for (const [what, expected, message] of [
    // AWS's client for Node has begun to stream by then.
    ["early", "", "not one piece"],
    ["breaks", "half", "in the middle"],
  ] as const) {
    const { text, end } = await stream("pieces", { what });
    const { errorType, errorMessage } = JSON.parse(end.ErrorDetails ?? "{}");
    assert.deepEqual([text, end.ErrorCode, errorType, errorMessage], [expected, "RangeError", "RangeError", message]);
  }
  assert.equal(await instanceOf("pieces"), before);
});

test("L5: a runtime that exits in the middle: Runtime.TruncatedResponse, and the next has a fresh worker", async () => {
  const before = await instanceOf("pieces");
  const { text, end } = await stream("pieces", { what: "leaves" });
  const { errorType } = JSON.parse(end.ErrorDetails ?? "{}");
  const type = "Runtime.TruncatedResponse";
  assert.deepEqual([text, end.ErrorCode, errorType], ["half", type, type]);
  assert.notEqual(await instanceOf("pieces"), before);
});

test("L5 L2: over its time in the middle: Sandbox.Timedout, and the next has a fresh worker", async () => {
  const before = await instanceOf("short");
  const { text, end } = await stream("short", { what: "stays" });
  const { errorType, errorMessage } = JSON.parse(end.ErrorDetails ?? "{}");
  assert.deepEqual([text, end.ErrorCode, errorType], ["half", "Sandbox.Timedout", "Sandbox.Timedout"]);
  assert.match(errorMessage, /^RequestId: \S+ Error: Task timed out after 1\.00 seconds$/);
  assert.notEqual(await instanceOf("short"), before);
});

/** In bytes. */
async function memoryOf({ pid }: TestProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024;
}

test("L5: a client that does not read holds the function itself up, and gets all of it in the end", async () => {
  await stream("flood", {});
  const passing = [esb.gateway, esb.runtimeApi];
  const before = await Promise.all(passing.map(memoryOf));
  let grown: number[] = [];
  let resumedMs = 0;
  const { text, end } = await stream("flood", { what: "flood" }, async () => {
    if (resumedMs > 0) return;
    await sleep(4000);
    grown = (await Promise.all(passing.map(memoryOf))).map((bytes, index) => bytes - (before[index] ?? 0));
    resumedMs = Date.now();
  });
  assert.equal(end.ErrorCode, undefined);
  assert.equal(text.length, 128 * 2 ** 20);
  const written = Array.from({ length: 128 }, (_, piece) => Number(text.slice(piece * 2 ** 20, piece * 2 ** 20 + 13)));
  const early = written.filter((atMs) => atMs < resumedMs).length;
  assert.ok(early > 0 && early < 64, `${early} MiB were written while nobody read`);
  const late = written.filter((atMs) => atMs < resumedMs && atMs > resumedMs - 500).length;
  assert.equal(late, 0, "the function went on writing");
  for (const bytes of grown)
    assert.ok(bytes < 48 * 2 ** 20, `${grown} bytes were kept for a client that does not read`);
});

test("L5: a client that goes in the middle lets the function end, and its worker serves the next", async () => {
  const before = await instanceOf("single");
  const gone = new AbortController();
  const command = new InvokeWithResponseStreamCommand({ FunctionName: "single", Payload: '{"waitMs":400}' });
  const { EventStream } = await client.send(command, { abortSignal: gone.signal });
  const iterator = EventStream?.[Symbol.asyncIterator]();
  assert.ok((await iterator?.next())?.value.PayloadChunk);
  gone.abort();
  await iterator?.next().catch(() => undefined);
  assert.equal(await instanceOf("single"), before);
});

test("L5: the same handler behind a URL that is BUFFERED, and invoked: its bytes as they are, which are no JSON", async () => {
  const { hostname, port } = new URL(esb.url);
  const headers = { host: "buffered.lambda-url.us-east-1.localhost" };
  const [response] = (await once(request({ hostname, port, headers, agent: false }).end(), "response")) as [
    IncomingMessage,
  ];
  assert.deepEqual(
    [response.statusCode, Buffer.concat(await response.toArray()).toString()],
    [502, "Internal Server Error"],
  );
  const invoked = await (await esb.invoke("buffered")).text();
  const [prelude = "", body = ""] = invoked.split("\0".repeat(8));
  assert.deepEqual([JSON.parse(prelude).statusCode, body], [203, "{}\nsecond"]);
});

test("L5: a function URL streams status, headers, cookies and body of a handler as it is on AWS", async () => {
  const { hostname, port } = new URL(esb.url);
  const headers = { host: "page.lambda-url.us-east-1.localhost" };
  const sent = request({ hostname, port, path: "/a/b?waitMs=300", headers, agent: false }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  assert.deepEqual([response.statusCode, response.headers["x-mine"]], [203, "yes"]);
  assert.equal(response.headers["content-type"], "text/event-stream");
  assert.deepEqual(response.headers["set-cookie"], ["a=1", "b=2"]);
  const pieces: Piece[] = [];
  for await (const piece of response) pieces.push({ text: String(piece), atMs: Date.now() });
  const [event, last] = [JSON.parse(pieces[0]?.text ?? ""), pieces.at(-1)];
  assert.deepEqual([event.rawPath, event.requestContext.apiId, last?.text], ["/a/b", "page", "second"]);
  assert.ok((last?.atMs ?? 0) - (pieces[0]?.atMs ?? 0) >= 200, "the pieces come one by one");
});
