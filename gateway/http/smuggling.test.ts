import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openRaw, parseAnswers, sendRaw } from "../testing/raw.ts";
import { type RoutesHarness, startRoutes } from "../testing/routes.ts";

let harness: RoutesHarness;
before(async () => {
  harness = await startRoutes(
    'routes: [{ path: "/{proxy+}", method: ANY, function: hello, auth: none, payload: "2.0" }]',
    { ESB_REQUEST_TIMEOUT_MS: "1000" },
  );
});
after(() => harness[Symbol.asyncDispose]());

const lambda = "/2015-03-31/functions/hello/invocations";
/** What would be served if the request before it were read in another way than it is here. */
const hidden = "GET /hidden HTTP/1.1\r\nhost: x\r\n\r\n";

const chunked = "Transfer-Encoding: chunked\r\n";
const chunkOf = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
const endless = `0\r\n\r\n${hidden}`;

/** What stands between the request line (POST) and the end; the head's end is part of it. */
const smuggled: ReadonlyArray<readonly [what: string, rest: string]> = [
  ["Content-Length before Transfer-Encoding", `Content-Length: 5\r\n${chunked}\r\n${endless}`],
  ["Transfer-Encoding before Content-Length", `${chunked}Content-Length: 5\r\n\r\n${endless}`],
  ["two different Content-Lengths", `Content-Length: 0\r\nContent-Length: 36\r\n\r\n${hidden}`],
  ["two equal Content-Lengths", `Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}${hidden}`],
  ["two Content-Lengths in one header", `Content-Length: 2, 2\r\n\r\n{}${hidden}`],
  ["a negative Content-Length", `Content-Length: -1\r\n\r\n${hidden}`],
  ["a Content-Length with a plus", `Content-Length: +2\r\n\r\n{}${hidden}`],
  ["a hexadecimal Content-Length", `Content-Length: 0x2\r\n\r\n{}${hidden}`],
  ["a Content-Length with a fraction", `Content-Length: 2.0\r\n\r\n{}${hidden}`],
  ["a Content-Length with a space in it", `Content-Length: 2 0\r\n\r\n{}${hidden}`],
  ["an empty Content-Length", `Content-Length:\r\n\r\n${hidden}`],
  ["a Content-Length beyond 64 bits", `Content-Length: 18446744073709551618\r\n\r\n{}${hidden}`],
  ["Transfer-Encoding: chunked twice", `${chunked}${chunked}\r\n${endless}`],
  ["Transfer-Encoding: chunked, chunked", `Transfer-Encoding: chunked, chunked\r\n\r\n${endless}`],
  ["Transfer-Encoding: gzip, chunked", `Transfer-Encoding: gzip, chunked\r\n\r\n${endless}`],
  ["Transfer-Encoding: chunked, identity", `Transfer-Encoding: chunked, identity\r\n\r\n${endless}`],
  ["Transfer-Encoding: identity", `Transfer-Encoding: identity\r\n\r\n${hidden}`],
  ["Transfer-Encoding: xchunked", `Transfer-Encoding: xchunked\r\n\r\n${endless}`],
  ["Transfer-Encoding: chunked behind a vertical tab", `Transfer-Encoding: \x0bchunked\r\n\r\n${endless}`],
  ['Transfer-Encoding: "chunked"', `Transfer-Encoding: "chunked"\r\n\r\n${endless}`],
  ["an empty Transfer-Encoding", `Transfer-Encoding:\r\n\r\n${hidden}`],
  ["a space between a header's name and its colon", `Transfer-Encoding : chunked\r\n\r\n${endless}`],
  ["a tab between a header's name and its colon", `Content-Length\t: 36\r\n\r\n${hidden}`],
  ["a space in a header's name", `Content Length: 36\r\n\r\n${hidden}`],
  ["a space before the first header", ` Content-Length: 36\r\n\r\n${hidden}`],
  ["a header that goes on in the next line", `X: a\r\n Content-Length: 36\r\n\r\n${hidden}`],
  ["a header's line that ends with LF alone", `X: a\nContent-Length: 36\r\n\r\n${hidden}`],
  ["a header's line that ends with CR alone", `X: a\rContent-Length: 36\r\n\r\n${hidden}`],
  ["a head that ends with LF alone", `X: a\r\n\n${hidden}`],
  ["a NUL in a value", `X: a\0b\r\n\r\n${hidden}`],
  ["a NUL in a name", `X\0: a\r\n\r\n${hidden}`],
  ["a header without a name", `: a\r\n\r\n${hidden}`],
  ["a header without a colon", `X\r\n\r\n${hidden}`],
  ["two Hosts", `Host: y\r\n\r\n${hidden}`],
  ["a chunk size with a 0x", `${chunked}\r\n0x2\r\n{}\r\n${endless}`],
  ["a negative chunk size", `${chunked}\r\n-2\r\n{}\r\n${endless}`],
  ["a chunk size with a plus", `${chunked}\r\n+2\r\n{}\r\n${endless}`],
  ["a chunk size beyond 64 bits", `${chunked}\r\n10000000000000002\r\n{}\r\n${endless}`],
  ["an empty chunk size", `${chunked}\r\n\r\n{}\r\n${endless}`],
  ["a space before a chunk size", `${chunked}\r\n 2\r\n{}\r\n${endless}`],
  ["a space behind a chunk size", `${chunked}\r\n2 \r\n{}\r\n${endless}`],
  ["a chunk size's line that ends with LF alone", `${chunked}\r\n2\n{}\r\n${endless}`],
  ["a chunk that is longer than it says", `${chunked}\r\n2\r\n{}{}\r\n${endless}`],
  ["a chunk extension with a LF in it", `${chunked}\r\n2;x\n{}\r\n${endless}`],
];
const shapes: ReadonlyArray<readonly [string, RegExp]> = [
  ["/echo", /^\{"message":"Bad Request"\}$/],
  [lambda, /^\{"Type":"User","message":"The request is not valid HTTP: /],
];
for (const [what, rest] of smuggled) {
  test(`G7: refused with 400, and the connection ends: ${what}`, async () => {
    for (const [target, shape] of shapes) {
      const answers = await sendRaw(harness.url, `POST ${target} HTTP/1.1\r\nHost: x\r\n${rest}`);
      assert.equal(answers.length, 1, JSON.stringify(answers));
      assert.equal(answers[0]?.status, 400);
      assert.match(answers[0]?.head ?? "", /^connection: close$/im);
      assert.match(answers[0]?.body ?? "", shape);
    }
    assert.deepEqual(
      [...harness.agent.workers.values()].flatMap(({ http }) => http.received),
      [],
    );
  });
}

const wholeRequests: ReadonlyArray<readonly [what: string, request: string]> = [
  ["no Host", "GET /echo HTTP/1.1\r\n\r\n"],
  ["an empty Host", "GET /echo HTTP/1.1\r\nhost:\r\n\r\n"],
  ["a Host with a path", "GET /echo HTTP/1.1\r\nhost: x/y\r\n\r\n"],
  ["a Host with a user", "GET /echo HTTP/1.1\r\nhost: a@x\r\n\r\n"],
  ["a Host with a port that is none", "GET /echo HTTP/1.1\r\nhost: x:80a\r\n\r\n"],
  ["HTTP/1.0 with Transfer-Encoding", `POST /echo HTTP/1.0\r\nhost: x\r\n${chunked}\r\n${chunkOf("{}")}`],
  ["a method that is none", "G@T /echo HTTP/1.1\r\nhost: x\r\n\r\n"],
  ["a method in small letters", "get /echo HTTP/1.1\r\nhost: x\r\n\r\n"],
  ["a target without a slash", "GET echo HTTP/1.1\r\nhost: x\r\n\r\n"],
  ["a target of another scheme", "GET ftp://x/echo HTTP/1.1\r\nhost: x\r\n\r\n"],
  ["a version that is none", "GET /echo HTTP/1.2\r\nhost: x\r\n\r\n"],
  ["HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["HTTP/0.9", "GET /echo\r\n\r\n"],
  ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
];
for (const [what, request] of wholeRequests) {
  test(`G7: refused with 400, and the connection ends: ${what}`, async () => {
    const answers = await sendRaw(harness.url, request);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [400],
    );
    assert.match(answers[0]?.head ?? "", /^connection: close$/im);
  });
}

test("G7: behind a good request, what is refused is not served, whether the good one has been answered or not", async () => {
  using connection = openRaw(harness.url);
  connection.write("GET /health HTTP/1.1\r\nhost: x\r\n\r\n");
  await connection.answers(1);
  connection.write(`POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n${chunked}\r\n${endless}`);
  await connection.closed;
  assert.deepEqual(
    parseAnswers(connection.received()).map(({ status }) => status),
    [200, 400],
  );
  assert.deepEqual([...harness.agent.workers.values()], []);
});
