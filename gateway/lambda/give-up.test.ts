import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { test } from "node:test";
import { LambdaError } from "../http/errors.ts";
import { send } from "../testing/harness.ts";
import { listening } from "../testing/listen.ts";
import { definition } from "../testing/pool-setup.ts";
import { tooLarge } from "./answer.ts";
import { Reply } from "./reply.ts";

const stopped = new LambdaError("ServiceException", "stopped", { status: 503, retryAfterSeconds: 1 });
const served = {
  worker: {
    id: "f-0",
    instanceId: "i",
    function: "f",
    slot: 0,
    host: "127.0.0.1",
    port: 1,
    state: "running",
    lastAccessMs: 0,
  },
  definition: definition(),
  start: "warm",
  phases: undefined,
} as const;
const head = {
  contentType: "application/json",
  contentEncoding: undefined,
  functionError: undefined,
  logResult: undefined,
};

/** A client's request, with the reply to it. */
async function request() {
  const server = createServer();
  const port = await listening(server);
  const answer = send(`http://127.0.0.1:${port}/`, "GET");
  const [, response]: [unknown, ServerResponse] = (await once(server, "request")) as [unknown, ServerResponse];
  const reply = new Reply(response, "id");
  return { answer, reply, [Symbol.dispose]: () => server.close() };
}

const lateWords: ReadonlyArray<readonly [string, (reply: Reply) => void]> = [
  ["an answer", (reply) => reply.answer(head, Buffer.from("late"), served)],
  ["a streamed answer", (reply) => reply.begin(head, 4, served).end("late")],
  ["an error", (reply) => reply.error(new LambdaError("ServiceException", "late"), served)],
  ["a function error", (reply) => reply.functionError(tooLarge, served)],
];
for (const [what, say] of lateWords) {
  test(`S4: ${what} that comes after a request was given up goes nowhere`, async () => {
    using setup = await request();
    setup.reply.giveUp(stopped);
    say(setup.reply);
    const { status, body } = await setup.answer;
    assert.equal(status, 503);
    assert.equal(JSON.parse(body).Message, "stopped");
  });
}

test("S4: a request that has its whole answer is not given up any more", async () => {
  using setup = await request();
  setup.reply.answer(head, Buffer.from("in time"), served);
  setup.reply.giveUp(stopped);
  const { status, body } = await setup.answer;
  assert.deepEqual([status, body], [200, "in time"]);
});
