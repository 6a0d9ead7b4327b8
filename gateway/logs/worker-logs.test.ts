import assert from "node:assert/strict";
import { test } from "node:test";
import { FollowLogsResponse, type LogPosition, LogStream } from "../../proto/gen/esb/agent/v1/agent.ts";
import type { FollowSource } from "./follow.ts";
import { ServedRequests } from "./requests.ts";
import { WorkerLogs } from "./worker-logs.ts";

const line = (text: string, timeMs: number, partial = false) => ({
  timeNs: BigInt(timeMs) * 1_000_000n,
  stream: LogStream.STDOUT,
  text: Buffer.from(text),
  partial,
});
const told = (instanceId: string, offset: number, ...lines: ReturnType<typeof line>[]) =>
  FollowLogsResponse.fromPartial({
    workerId: "hello-0",
    function: "hello",
    logStreamName: "2026/11/22/[$LATEST]1",
    lines,
    position: { instanceId, file: 1n, offset: BigInt(offset) },
  });

class FakeLogs implements FollowSource {
  /** Each connection's answers; it breaks behind the last. */
  readonly lives: FollowLogsResponse[][] = [];
  readonly asked: { positions: LogPosition[]; sinceNs: bigint }[] = [];
  readonly kept = new Map<string, LogPosition>();
  readonly logs = new WorkerLogs(this, {
    sinceMs: 7,
    all: () => [...this.kept.values()],
    keep: (one) => void this.kept.set(one.instanceId, one),
  });
  #idle = Promise.withResolvers<void>();

  async connected() {
    if (this.lives.length > 0) return;
    this.#idle.resolve();
    throw new Error("away");
  }

  async *follow(positions: LogPosition[], sinceNs: bigint) {
    this.asked.push({ positions, sinceNs });
    yield* this.lives.shift() ?? [];
    throw new Error("broken");
  }

  async delay(ms: number, signal: AbortSignal) {
    if (this.lives.length === 0 && ms > 100) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }

  /** All answers have been told. */
  whenIdle() {
    return this.#idle.promise;
  }
}

test("O1: lines are told once, behind what was told before a break, with whose they are", async () => {
  const agent = new FakeLogs();
  agent.lives.push([told("a", 10, line("1", 1)), told("b", 5, line("2", 2))], [told("a", 20, line("3", 3))]);
  const found: string[] = [];
  const subscription = agent.logs.subscribe(({ worker, instanceId, function: name }, lines) => {
    found.push(
      ...lines.map(({ text, timeMs, stream }) => `${worker} ${instanceId} ${name} ${stream} ${timeMs} ${text}`),
    );
  });
  await agent.whenIdle();
  subscription[Symbol.dispose]();
  assert.deepEqual(found, ["hello-0 a hello stdout 1 1", "hello-0 b hello stdout 2 2", "hello-0 a hello stdout 3 3"]);
  assert.deepEqual(
    agent.asked.map(({ positions, sinceNs }) => [positions.map(({ offset }) => offset), sinceNs]),
    [
      [[], 7_000_000n],
      [[10n, 5n], 7_000_000n],
    ],
  );
});

test("O1: parts of a long line are one, also over a break; each worker's and stream's on its own", async () => {
  const agent = new FakeLogs();
  agent.lives.push(
    [told("a", 1, line("x", 1, true)), told("b", 1, line("other", 2))],
    [told("a", 2, line("y", 3, true), line("z", 4))],
  );
  const found: string[] = [];
  using _subscription = agent.logs.subscribe((_source, lines) => found.push(...lines.map(({ text }) => text)));
  await agent.whenIdle();
  assert.deepEqual(found, ["other", "xyz"]);
});

test("O1: a line without an end is told in pieces: what is kept of it is bounded", async () => {
  const agent = new FakeLogs();
  const part = "x".repeat(16_000);
  agent.lives.push(Array.from({ length: 40 }, (_, index) => told("a", index, line(part, index, true))));
  const found: number[] = [];
  using _subscription = agent.logs.subscribe((_source, lines) => found.push(...lines.map(({ text }) => text.length)));
  await agent.whenIdle();
  assert.ok(found.length >= 4 && found.every((length) => length < 150_000), String(found));
});

test("O1: a line's time tells whose request it is", () => {
  let nowMs = 0;
  const requests = new ServedRequests(() => nowMs);
  const at = (ms: number) => {
    nowMs = ms;
  };
  const serve = (id: string, beginMs: number, endMs: number | undefined) => {
    at(beginMs);
    const end = requests.begin("a", id);
    if (endMs === undefined) return;
    at(endMs);
    end();
  };
  serve("one", 1000, 2000);
  serve("two", 2050, 3000);
  serve("three", 9000, undefined);
  const rows: [number, string | undefined][] = [
    [999, undefined],
    [1000, "one"],
    [2000, "one"],
    [2049, "one"],
    [2050, "two"],
    [3100, "two"],
    [3101, undefined],
    [9000, "three"],
    [99_000, "three"],
  ];
  for (const [timeMs, expected] of rows) assert.equal(requests.at("a", timeMs), expected, String(timeMs));
  assert.equal(requests.at("b", 1500), undefined);
  for (let index = 0; index < 1000; index++) serve(`r${index}`, 100_000 + index, 100_000 + index);
  assert.equal(requests.at("a", 100_000), undefined, "only the last are kept");
  assert.equal(requests.at("a", 100_999), "r999");
});

test("O1: of all workers' requests only so many are known, but each that is under way", () => {
  const requests = new ServedRequests(() => 1000);
  requests.begin("long", "open");
  requests.begin("first", "over")();
  for (let count = 0; count < 40_000; count++) requests.begin(`worker ${count % 100}`, String(count))();
  assert.equal(requests.at("long", 99_000), "open");
  assert.equal(requests.at("first", 1000), undefined);
  assert.equal(requests.at("worker 99", 1000), "39999");
});
