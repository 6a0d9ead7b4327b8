import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { constants } from "node:http2";
import { after, before, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { type Harness, startHarness, until } from "../testing/harness.ts";
import { answerOf, begin, openHttp2 } from "../testing/http2-client.ts";
import { openRaw, type RawConnection } from "../testing/raw.ts";

const path = "/2015-03-31/functions/hello/invocations";
const timeout = { ESB_REQUEST_TIMEOUT_MS: "300" };
const functions = "functions: { hello: { image: x, timeout: 30, concurrency: { max: 4 } } }";
/** More than the kernel's buffers take of it. */
const largest = Buffer.alloc(6 * 2 ** 20, "1");

let plain: Harness;
let secure: Harness;
before(async () => {
  plain = await startHarness(timeout, functions);
  secure = await startHarness({ ...timeout, ESB_TLS: "on" }, functions);
});
after(async () => {
  await plain[Symbol.asyncDispose]();
  await secure[Symbol.asyncDispose]();
});

/** Sends a byte now and then, until it is cut off. */
async function drip(connection: RawConnection, begun: string): Promise<string> {
  connection.write(begun);
  const dripping = setInterval(() => connection.write("a"), 40);
  await connection.closed;
  clearInterval(dripping);
  return connection.received();
}

test("G7: a head that does not come to its end is 408", async () => {
  using connection = openRaw(plain.url);
  const received = await drip(connection, `POST ${path} HTTP/1.1\r\nhost: x\r\nx: `);
  assert.match(received, /^HTTP\/1.1 408 /);
  assert.match(received, /\{"message":"Request Timeout"\}$/);
});

test("G7: a body that does not come to its end is 408, and the function is not invoked", async () => {
  using connection = openRaw(plain.url);
  const received = await drip(connection, `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n"`);
  assert.match(received, /^HTTP\/1.1 408 /);
  assert.match(received, /"message":"The request did not arrive in time"/);
  assert.deepEqual([...plain.agent.workers.keys()], []);
});

test("G7: the rest of a body whose request has been answered: cut off, without a second answer", async () => {
  using connection = openRaw(plain.url);
  const received = await drip(connection, `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000\r\n\r\n"`);
  assert.equal(received.match(/HTTP\/1.1 /g)?.length, 1);
  assert.match(received, /^HTTP\/1.1 413 /);
});

test("G7: a connection on which nothing is said is closed without a word", async () => {
  using connection = openRaw(plain.url);
  await connection.closed;
  assert.equal(connection.received(), "");
});

test("G7: a TLS handshake that does not come to its end is cut off", async () => {
  using connection = openRaw(secure.url);
  connection.write("\x16\x03\x01");
  await connection.closed;
});

for (const kind of ["plain", "TLS"] as const) {
  test(`G7: a client that does not read its answer is cut off, its worker is free (${kind})`, async () => {
    const harness = kind === "plain" ? plain : secure;
    harness.agent.handler = (_request, response) =>
      response.writeHead(200, { "content-length": largest.length }).end(largest);
    const { port } = new URL(harness.url);
    const socket =
      kind === "plain"
        ? openRaw(harness.url).socket
        : connectTls({ host: "127.0.0.1", port: Number(port), rejectUnauthorized: false });
    socket.on("error", () => undefined);
    socket.pause();
    const request = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}`;
    socket.write(request + request + request);
    await until(async () => (await harness.get("/metrics")).body.includes("esb_connections 1\n"));
    socket.destroy();
    harness.agent.handler = (_request, response) => response.end("1");
    assert.equal((await harness.invoke("hello")).body, "1");
  });
}

test("G7: a function that takes longer than clients may is waited for, in HTTP/1.1 and HTTP/2", async () => {
  for (const harness of [plain, secure]) {
    const running = Promise.withResolvers<ServerResponse>();
    harness.agent.handler = (_request, response) => running.resolve(response);
    const answer = harness.invoke("hello");
    const response = await running.promise;
    setTimeout(() => response.end("1"), 900);
    assert.equal((await answer).body, "1");
  }
  await using session = await openHttp2(secure.url);
  const running = Promise.withResolvers<ServerResponse>();
  secure.agent.handler = (_request, response) => running.resolve(response);
  const answer = answerOf(begin(session, "POST", path, {}, "{}"));
  const response = await running.promise;
  setTimeout(() => response.end("1"), 900);
  assert.equal((await answer).body.toString(), "1");
});

test("G7: HTTP/2: a body that does not come to its end is 408, and the session goes on", async () => {
  await using session = await openHttp2(secure.url);
  const stream = session.request({ ":method": "POST", ":path": path });
  stream.on("error", () => undefined);
  // Its own end comes as an error where it is written to behind it.
  const dripping = setInterval(() => stream.writable && stream.write("1"), 40);
  const [{ ":status": status }] = await once(stream, "response").finally(() => clearInterval(dripping));
  assert.equal(status, 408);
  assert.equal((await answerOf(begin(session, "GET", "/health"))).status, 200);
});

test("G7: HTTP/2: a stream whose answer is not read is reset, and the session goes on", async () => {
  await using session = await openHttp2(secure.url);
  secure.agent.handler = (_request, response) =>
    response.writeHead(200, { "content-length": largest.length }).end(largest);
  const stream = begin(session, "POST", path, {}, "{}");
  await once(stream, "response");
  await until(() => stream.closed);
  assert.equal(stream.rstCode, constants.NGHTTP2_CANCEL);
  assert.equal((await answerOf(begin(session, "GET", "/health"))).status, 200);
});
