import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { ClientError, Status } from "nice-grpc";
import { LogStream, type LogsResponse } from "../../proto/gen/esb/agent/v1/agent.ts";
import { AgentError } from "../errors.ts";
import type { LogLine } from "../logs/lines.ts";
import type { LogRequest } from "../logs/read.ts";
import type { LogReader } from "./logs.ts";
import { testServer } from "./server.fake.ts";

const spec = { name: "hello", image: "localhost/hello:1", memoryMib: 128, timeoutMs: 3000 };
const line = (text: string): LogLine => ({
  timeNs: 1n,
  stream: "stdout",
  extension: 0,
  text: Buffer.from(text),
  partial: false,
});

/** Logs of which each read gives one line, and when it follows lasts until it is aborted. */
function fakeLogs() {
  const asked: { instanceId: string; request: LogRequest; isThere: () => boolean }[] = [];
  const logs: LogReader = {
    async *read({ instanceId }, request, isThere, signal) {
      asked.push({ instanceId, request, isThere });
      yield [
        line("hello"),
        { ...line("oh"), timeNs: 1_800_000_000_000_000_001n, stream: "stderr", extension: 1, partial: true },
      ];
      if (!request.follow) return;
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
  };
  return { logs, asked };
}

async function collect(stream: AsyncIterable<LogsResponse>): Promise<LogsResponse[]> {
  const messages: LogsResponse[] = [];
  for await (const message of stream) messages.push(message);
  return messages;
}

const failed = (status: Status, words: RegExp) => (error: unknown) =>
  error instanceof ClientError && error.code === status && words.test(error.details);

test("W9: a worker's lines cross the wire with time, stream and bytes; what is asked for reaches the log", async () => {
  const { logs, asked } = fakeLogs();
  await using t = await testServer({ logs });
  const { worker } = await t.clients.workers.ensure({ function: spec, slot: 0, owner: "gateway" });
  const workerId = worker?.id ?? "";
  const [message] = await collect(t.clients.workers.logs({ workerId, tailLines: 0, sinceNs: 2n ** 63n }));
  assert.deepEqual(
    message?.lines.map(({ text, ...rest }) => ({ ...rest, text: text.toString() })),
    [
      { timeNs: 1n, stream: LogStream.STDOUT, extension: 0, text: "hello", partial: false },
      { timeNs: 1_800_000_000_000_000_001n, stream: LogStream.STDERR, extension: 1, text: "oh", partial: true },
    ],
  );
  await collect(t.clients.workers.logs({ workerId, instanceId: worker?.instanceId ?? "" }));
  assert.deepEqual(
    asked.map(({ instanceId, request }) => ({ instanceId, request })),
    [
      { instanceId: worker?.instanceId, request: { follow: false, tailLines: 0, sinceNs: 2n ** 63n } },
      { instanceId: worker?.instanceId, request: { follow: false, tailLines: undefined, sinceNs: 0n } },
    ],
  );
  assert.equal(asked[0]?.isThere(), true);
  await t.clients.workers.destroy({ workerId });
  assert.equal(asked[0]?.isThere(), false);
});

test("W9: a worker that is not there, or not this instance, is not found; a wild id is refused", async () => {
  await using t = await testServer(fakeLogs());
  await t.clients.workers.ensure({ function: spec, slot: 0, owner: "gateway" });
  const { workers } = t.clients;
  const none = failed(Status.NOT_FOUND, /there is no worker other-0$/);
  await assert.rejects(collect(workers.logs({ workerId: "other-0" })), none);
  const gone = failed(Status.NOT_FOUND, /there is no worker .* \(instance-x\)/);
  const [{ id = "" } = {}] = (await workers.list({})).workers;
  await assert.rejects(collect(workers.logs({ workerId: id, instanceId: "instance-x", follow: true })), gone);
  const wild = failed(Status.INVALID_ARGUMENT, /worker_id/);
  await assert.rejects(collect(workers.logs({ workerId: "../../etc/passwd" })), wild);
});

test("W9, S5: while the runtime is away, a log that is known is read; of others nothing can be said", async () => {
  let trouble: AgentError | undefined;
  const ready = () => {
    if (trouble !== undefined) throw trouble;
  };
  await using t = await testServer({ ...fakeLogs(), ready });
  const { worker } = await t.clients.workers.ensure({ function: spec, slot: 0, owner: "gateway" });
  trouble = new AgentError("RUNTIME_UNAVAILABLE", "containerd is gone");
  assert.equal((await collect(t.clients.workers.logs({ workerId: worker?.id ?? "" }))).length, 1);
  const unknown = collect(t.clients.workers.logs({ workerId: "other-0" }));
  await assert.rejects(unknown, failed(Status.UNAVAILABLE, /containerd is gone/));
});

test("W9: the agent's end ends a follower with an error: without one it would mean that the worker is gone", async () => {
  await using t = await testServer(fakeLogs());
  const { worker } = await t.clients.workers.ensure({ function: spec, slot: 0, owner: "gateway" });
  const following = t.clients.workers.logs({ workerId: worker?.id ?? "", follow: true })[Symbol.asyncIterator]();
  assert.equal((await following.next()).done, false);
  const ended = assert.rejects(following.next(), failed(Status.CANCELLED, /cancelled/));
  await t.agent.end(10_000);
  await ended;
});

test("W9: of what a caller doesn't read, only a little is held in memory", async () => {
  let batches = 0;
  const logs: LogReader = {
    async *read() {
      for (;;) {
        batches += 1;
        yield [line("x".repeat(16_000))];
        await nextTurn();
      }
    },
  };
  await using t = await testServer({ logs });
  const { worker } = await t.clients.workers.ensure({ function: spec, slot: 0, owner: "gateway" });
  const reading = t.clients.workers.logs({ workerId: worker?.id ?? "" })[Symbol.asyncIterator]();
  await reading.next();
  for (let before = -1; before !== batches; await delay(200)) before = batches;
  assert.ok(batches < 1000, `${batches} batches`);
  await reading.return?.();
});
