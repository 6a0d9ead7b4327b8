import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, before, test } from "node:test";
import { until } from "../testing/harness.ts";
import { openRaw, parseAnswers, sendRaw } from "../testing/raw.ts";
import { type RoutesHarness, startRoutes } from "../testing/routes.ts";

let harness: RoutesHarness;
before(async () => {
  harness = await startRoutes(
    `routes:
      - { path: "/echo", method: ANY, function: hello, auth: none, payload: "2.0" }
      - { path: "/secret", method: POST, function: hello, auth: jwt }`,
    { ESB_REQUEST_TIMEOUT_MS: "20000" },
    "functions: { hello: { image: x, timeout: 30, concurrency: { max: 4 } } }",
  );
  harness.agent.handler = (_request, response, event) => response.end(event);
});
after(() => harness[Symbol.asyncDispose]());

const path = "/2015-03-31/functions/hello/invocations";
const post = (body: string, headers = "", target = path) =>
  `POST ${target} HTTP/1.1\r\nhost: x\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
const invocations = () => [...harness.agent.workers.values()].flatMap(({ http }) => http.received).length;

test("G7: Expect: 100-continue: the client is told to go on, then answered, and the connection stays", async () => {
  using connection = openRaw(harness.url);
  for (const round of [0, 1]) {
    connection.write(`POST ${path} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n`);
    const interim = await connection.answers(2 * round + 1);
    assert.equal(interim.at(-1)?.status, 100);
    connection.write("123");
    const answers = await connection.answers(2 * round + 2);
    assert.equal(answers.at(-1)?.status, 200);
    assert.equal(answers.at(-1)?.body, "123");
    assert.doesNotMatch(answers.at(-1)?.head ?? "", /connection: close/i);
  }
});

const unasked: ReadonlyArray<readonly [string, string, number]> = [
  ["one that is too large for Lambda's API", `POST ${path} HTTP/1.1\r\ncontent-length: 6291457`, 413],
  ["one that is too large for a route", "POST /echo HTTP/1.1\r\ncontent-length: 10485761", 413],
  ["one without a token", "POST /secret HTTP/1.1\r\ncontent-length: 3", 401],
  ["one to no route", "POST /nowhere HTTP/1.1\r\ncontent-length: 3", 403],
  ["one whose head is too large", `POST /echo HTTP/1.1\r\ncontent-length: 3\r\nx: ${"a".repeat(10_240)}`, 431],
];
for (const [what, head, status] of unasked) {
  test(`G7: Expect: 100-continue: ${what} is ${status} without being asked for its body, and the connection ends`, async () => {
    const answers = await sendRaw(harness.url, `${head}\r\nhost: x\r\nexpect: 100-continue\r\n\r\n`);
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [status],
    );
    assert.match(answers[0]?.head ?? "", /^connection: close$/im);
  });
}

test("G7: a body in chunks, with extensions and trailers, arrives as a whole", async () => {
  using connection = openRaw(harness.url);
  const chunks = '4;x="y"\r\n"abc\r\n2\r\nd"\r\n0\r\nx-trailer: 1\r\n\r\n';
  connection.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n${chunks}`, post("1"));
  const answers = await connection.answers(2);
  assert.deepEqual(
    answers.map(({ status, body }) => [status, body]),
    [
      [200, '"abcd"'],
      [200, "1"],
    ],
  );
});

test("G7: pipelined requests are answered in their order, also when the first is the slowest", async () => {
  using connection = openRaw(harness.url);
  const first = Promise.withResolvers<ServerResponse>();
  const { handler } = harness.agent;
  harness.agent.handler = (_request, response, event) => {
    if (event.toString() === '"first"') first.resolve(response);
    else response.end(event);
  };
  const before = invocations();
  connection.write(post('"first"'), post('"second"'), post('"third"'), "GET /health HTTP/1.1\r\nhost: x\r\n\r\n");
  const response = await first.promise;
  await until(() => invocations() === before + 3);
  assert.equal(connection.received(), "");
  response.end('"first"');
  const answers = await connection.answers(4);
  assert.deepEqual(
    answers.map(({ body }) => body),
    ['"first"', '"second"', '"third"', '{"status":"ok"}'],
  );
  harness.agent.handler = handler;
});

test("G7: Connection: close is kept to: one answer, and nothing of what was sent behind it is served", async () => {
  const before = invocations();
  const answers = await sendRaw(harness.url, post("1", "connection: close\r\n") + post("2"));
  assert.deepEqual(
    answers.map(({ body }) => body),
    ["1"],
  );
  assert.match(answers[0]?.head ?? "", /^connection: close$/im);
  assert.equal(invocations(), before + 1);
});

test("G7: HTTP/1.0: answered and closed, with and without a Host", async () => {
  for (const headers of ["", "host: x\r\n"]) {
    const answers = await sendRaw(harness.url, `POST ${path} HTTP/1.0\r\n${headers}content-length: 1\r\n\r\n1`);
    assert.deepEqual(
      answers.map(({ status, body }) => [status, body]),
      [[200, "1"]],
    );
  }
});

test("G7: a target in absolute form is served by its path, and its authority goes before the Host", async () => {
  using connection = openRaw(harness.url);
  connection.write(post("1", "", `http://x${path}`));
  assert.equal((await connection.answers(1)).at(0)?.body, "1");
  connection.write("GET http://api.example:8080/echo?a=1 HTTP/1.1\r\nhost: other\r\n\r\n");
  const [, answer] = await connection.answers(2);
  const event = JSON.parse(answer?.body ?? "");
  assert.equal(event.rawPath, "/echo");
  assert.equal(event.rawQueryString, "a=1");
  assert.equal(event.headers.host, "api.example:8080");
});

test("G7: OPTIONS * tells what there may be, without a function; any other method with * is refused", async () => {
  using connection = openRaw(harness.url);
  const before = invocations();
  connection.write("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n");
  const [answer] = await connection.answers(1);
  assert.equal(answer?.status, 204);
  assert.match(answer?.head ?? "", /^allow: GET, HEAD, POST/im);
  assert.equal((await sendRaw(harness.url, "GET * HTTP/1.1\r\nhost: x\r\n\r\n"))[0]?.status, 400);
  assert.equal(invocations(), before);
});

test("G7: an answer to HEAD has no body, whoever gives it, and the connection goes on", async () => {
  using connection = openRaw(harness.url);
  for (const [index, target] of ["/health", "/nowhere", "/echo", path].entries()) {
    connection.write(`HEAD ${target} HTTP/1.1\r\nhost: x\r\n\r\n`);
    await until(() => parseAnswers(connection.received(), true).length === index + 1);
  }
  assert.deepEqual(
    parseAnswers(connection.received(), true).map(({ status }) => status),
    [200, 403, 200, 404],
  );
});
