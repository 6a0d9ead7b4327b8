import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../testing/fake-clock.ts";
import { definition } from "../testing/pool-setup.ts";
import type { AnswerHead } from "./answer.ts";
import { exited } from "./answer.ts";
import type { InvocationReply, Served } from "./invocation-reply.ts";
import { LogTail, type WorkerReports } from "./log-tail.ts";
import { TailReply } from "./tail-reply.ts";

const served: Served = {
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
};
const head: AnswerHead = {
  contentType: "application/json",
  contentEncoding: undefined,
  functionError: undefined,
  logResult: undefined,
};

/** An invocation of 20 ms, whose client is told what `told` collects. */
async function tail(reports: WorkerReports, answer: (reply: TailReply) => void) {
  const told: { what: string; log: string | undefined }[] = [];
  const decoded = (log: string | undefined) => (log === undefined ? log : Buffer.from(log, "base64").toString());
  const client: InvocationReply = {
    onGone: () => () => undefined,
    onHandedOn: () => undefined,
    begin: () => undefined,
    answer: ({ logResult }, body) => {
      told.push({ what: String(body), log: decoded(logResult) });
      return "ok";
    },
    functionError: ({ errorType }, _served, logResult) => told.push({ what: errorType, log: decoded(logResult) }),
    error: ({ name }) => told.push({ what: name, log: undefined }),
  };
  const clock = new FakeClock();
  const reply = new TailReply(client, new LogTail({ requestId: "id", clock, reports }));
  await clock.advance(7);
  reply.onHandedOn();
  await clock.advance(20);
  answer(reply);
  assert.equal(told.length, 0, "not before the log is there");
  await reply.finished;
  return told;
}

const reports: WorkerReports = {
  linesBetween: async (_worker, fromMs, toMs) => [`from ${fromMs} to ${toMs}`],
  memoryBytes: async () => 5 * 2 ** 20,
};

test("L1: the answer waits for the lines since the worker had the request, and is itself as ever", async () => {
  const [answer] = await tail(reports, (reply) => reply.answer(head, Buffer.from("1"), served));
  assert.equal(answer?.what, "1");
  assert.match(
    answer?.log ?? "",
    /^START RequestId: id Version: \$LATEST\nfrom 1000000000007 to 1000000000027\nEND RequestId: id\n/,
  );
  assert.match(answer?.log ?? "", /\tDuration: 20\.00 ms\t.*\tMax Memory Used: 5 MB\t\n$/);
});

test("L1: a function error has the log too", async () => {
  const [answer] = await tail(reports, (reply) => reply.functionError(exited("id"), served));
  assert.equal(answer?.what, "Runtime.ExitError");
  assert.match(answer?.log ?? "", /Error: Runtime exited\nRuntime\.ExitError\nEND .*\n.*Status: error/);
});

test("L1: while the agent is away, all but its part is there", async () => {
  const silent = { linesBetween: async () => undefined, memoryBytes: async () => undefined };
  const [answer] = await tail(silent, (reply) => reply.answer(head, Buffer.from("1"), served));
  assert.match(answer?.log ?? "", /^START .*\nEND .*\nREPORT [^\n]*\n$/);
});
