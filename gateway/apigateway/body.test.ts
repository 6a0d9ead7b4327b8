import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { until } from "../testing/harness.ts";
import { answering, type RoutesHarness, startRoutes } from "../testing/routes.ts";

const routing = `
defaults: { auth: none }
routes:
  - { path: /1.0, method: ANY, function: hello, payload: "1.0", binaryMediaTypes: ["*/*"] }
  - { path: /2.0, method: ANY, function: hello, payload: "2.0" }
`;

let door: RoutesHarness;
before(async () => {
  door = await startRoutes(routing);
  door.agent.handler = answering({ statusCode: 200 });
});
after(() => door[Symbol.asyncDispose]());

const received = () => [...door.agent.workers.values()].flatMap(({ http }) => http.received).length;
const mebibyte = 2 ** 20;

test("G7: an event beyond Lambda's 6 MiB is 413, base64 counted, and reaches no function", async () => {
  for (const [path, message] of [
    ["/1.0", "Request Too Long"],
    ["/2.0", "Request Entity Too Large"],
  ] as const) {
    assert.equal(
      (await door.request("POST", path, { "content-type": "image/png" }, Buffer.alloc(4 * mebibyte))).status,
      200,
    );
    const before = received();
    for (const bytes of [5 * mebibyte, 10 * mebibyte + 1]) {
      for (const headers of [{}, { "transfer-encoding": "chunked" }]) {
        const answer = await door.request(
          "POST",
          path,
          { "content-type": "image/png", ...headers },
          Buffer.alloc(bytes),
        );
        assert.equal(answer.status, 413);
        assert.deepEqual(JSON.parse(answer.body), { message });
      }
    }
    assert.equal(received(), before);
  }
});

test("G7: a client that waits for 100 Continue gets it, and sends its body then", async () => {
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const sent = httpRequest(`${door.url}/1.0`, { method: "POST", headers: { expect: "100-continue" } });
  sent.once("continue", () => sent.end("later"));
  sent.once("response", (response) => {
    response.resume();
    resolve(response.statusCode);
  });
  sent.flushHeaders();
  assert.equal(await promise, 200);
  assert.equal(door.lastEvent().body, Buffer.from("later").toString("base64"));
});

test("G7: a client that goes in the middle of its body leaves nothing behind, and no function is invoked", async () => {
  const before = received();
  const socket = connect(Number(new URL(door.url).port), "127.0.0.1");
  socket.write("POST /2.0 HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 10\r\n\r\n");
  await once(socket, "data");
  socket.write("12345");
  socket.destroySoon();
  assert.equal((await door.request("GET", "/2.0")).status, 200);
  assert.equal(received(), before + 1);
  await until(async () => !(await door.get("/metrics")).body.includes('status="500"'));
});

test("G7: requests that come at once on one connection are answered in their order", async () => {
  const socket = connect(Number(new URL(door.url).port), "127.0.0.1");
  door.agent.handler = (_request, response, body) => {
    const { rawQueryString } = JSON.parse(body.toString());
    answering({ statusCode: 200, body: `<${rawQueryString}>` })({}, response);
  };
  const head = (n: number, more = "") => `GET /2.0?${n} HTTP/1.1\r\nhost: x\r\n${more}\r\n`;
  socket.write([head(1), head(2), head(3, "connection: close\r\n")].join(""));
  assert.deepEqual((await text(socket)).match(/<\d>/g), ["<1>", "<2>", "<3>"]);
});
