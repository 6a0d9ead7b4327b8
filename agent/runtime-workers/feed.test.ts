import assert from "node:assert/strict";
import { EventEmitter, on } from "node:events";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { FeedRequest, FeedResponse } from "../../proto/gen/esb/runtime/v1/runtime.ts";
import { followLogs } from "../logs/follow.ts";
import { logFileName } from "../logs/names.ts";
import { feedTelemetry } from "./feed.ts";

/** The feed of an agent with real logs; the process at its other end is the test. */
async function feeding() {
  const folder = await mkdtemp(join(tmpdir(), "esb-feed-"));
  const wishes = new EventEmitter<{ wish: [FeedResponse["wish"]] }>();
  const ending = new AbortController();
  let follows = 0;
  const news = Promise.withResolvers<AsyncIterator<FeedRequest>>();
  const running = feedTelemetry(
    {
      api: {
        connected: async () => undefined,
        async *feed(told, signal) {
          const wished = on(wishes, "wish", { signal });
          news.resolve(told[Symbol.asyncIterator]());
          for await (const [wish] of wished) yield { wish };
        },
      },
      logs: {
        follow: (request) => {
          follows += 1;
          return followLogs({ folder, ...request });
        },
      },
      stats: async (id) => {
        if (id === "gone-0") throw new Error("there is no such worker");
        return { memoryPeakBytes: 77n };
      },
      logger: { debug: () => undefined },
    },
    ending.signal,
  );
  const told = await news.promise;
  return {
    wish: (wish: FeedResponse["wish"]) => void wishes.emit("wish", wish),
    next: async () => (await told.next()).value?.news,
    print: (instanceId: string, text: string) =>
      appendFile(
        join(folder, logFileName({ id: "hello-0", instanceId, number: 1 })),
        `2026-11-22T01:02:03.000000000Z stdout F:x1 ${text}\n`,
      ),
    get follows() {
      return follows;
    },
    async [Symbol.asyncDispose]() {
      ending.abort();
      await running;
      await rm(folder, { recursive: true });
    },
  };
}

const textsOf = (news: FeedRequest["news"] | undefined) =>
  news?.$case === "printed" ? news.value.lines.map(({ text, extension }) => [text.toString(), extension]) : news;

test("L3: nothing is read until a worker is followed; then what it has printed, from a place on, and what it goes on to print", async () => {
  await using t = await feeding();
  await t.print("one", "told before");
  await t.print("one", "not told yet");
  await t.print("two", "nobody asks for this");
  assert.equal(t.follows, 0);
  const offset = BigInt("2026-11-22T01:02:03.000000000Z stdout F:x1 told before\n".length);
  const position = { instanceId: "one", file: 1n, offset };
  t.wish({ $case: "follow", value: { workerId: "hello-0", position } });
  const first = await t.next();
  assert.deepEqual(textsOf(first), [["not told yet", 1]]);
  await t.print("one", "new");
  assert.deepEqual(textsOf(await t.next()), [["new", 1]]);
  // One that is asked for while others are followed already, and prints no more.
  t.wish({ $case: "follow", value: { workerId: "hello-0", position: { instanceId: "two", file: 0n, offset: 0n } } });
  assert.deepEqual(textsOf(await t.next()), [["nobody asks for this", 1]]);
  assert.equal(t.follows, 1);
});

test("L3: memory is told once for each time that it is asked for; of a worker that is gone, that it is not known", async () => {
  await using t = await feeding();
  for (const [workerId, peakBytes] of [
    ["hello-0", 77n],
    ["gone-0", undefined],
  ] as const) {
    t.wish({ $case: "measure", value: { workerId, instanceId: "i" } });
    assert.deepEqual(await t.next(), { $case: "measured", value: { instanceId: "i", peakBytes } });
  }
});
