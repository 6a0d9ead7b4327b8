import assert from "node:assert/strict";
import { test } from "node:test";
import { type WatchResponse, Worker } from "../../proto/gen/esb/agent/v1/agent.ts";
import { settled } from "../testing/fake-clock.ts";
import { backoffMs, followWorkers } from "./watch.ts";

for (const [failures, expected] of [
  [1, 50],
  [2, 100],
  [3, 200],
  [4, 250],
  [100, 250],
] as const) {
  test(`after ${failures} failures ${expected} ms`, () => assert.equal(backoffMs(failures), expected));
}

function message(position: string, event: WatchResponse["event"]): WatchResponse {
  return { position, event };
}

const worker = Worker.fromPartial({ id: "f-0", function: "f", instanceId: "i" });

/** Each watch is what a test says: messages, then its end or, for "open", none. */
function setUp(watches: (readonly (WatchResponse | "open")[] | Error)[]) {
  const seen: string[] = [];
  const stop = new AbortController();
  const done = followWorkers(
    {
      async connected() {
        if (watches.length > 0) return;
        stop.abort();
        throw stop.signal.reason;
      },
      async *watch(position, signal) {
        seen.push(`watch "${position}"`);
        const next = watches.shift();
        if (next instanceof Error) throw next;
        for (const item of next ?? []) {
          if (item !== "open") yield item;
          else await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        }
      },
      delay: async (ms) => {
        await settled();
        seen.push(`delay ${ms}`);
      },
    },
    {
      onSnapshot: (workers) => seen.push(`snapshot ${workers.length}`),
      onChanged: ({ id }) => seen.push(`changed ${id}`),
      onRemoved: ({ id }, reason) => seen.push(`removed ${id} ${reason}`),
    },
    { onUp: () => seen.push("up"), onDown: () => seen.push("down") },
    stop.signal,
  );
  return { seen, done, stop };
}

test("goes on behind the last position, and says once that the agent is away", async () => {
  const { seen, done } = setUp([
    [
      message("1", { $case: "snapshot", value: { workers: [worker] } }),
      message("1", { $case: "caughtUp", value: { hostAddress: "" } }),
      message("2", { $case: "changed", value: worker }),
    ],
    new Error("refused"),
    new Error("refused"),
    [
      message("3", { $case: "removed", value: { worker, reason: 3, exitStatus: undefined } }),
      message("3", { $case: "caughtUp", value: { hostAddress: "" } }),
    ],
  ]);
  await done;
  assert.deepEqual(seen, [
    'watch ""',
    "snapshot 1",
    "up",
    "changed f-0",
    "down",
    "delay 50",
    'watch "2"',
    "delay 100",
    'watch "2"',
    "delay 200",
    'watch "2"',
    "removed f-0 out-of-memory",
    "up",
    "down",
    "delay 50",
  ]);
});

test("a watch that goes on where nothing was missed is up at once", async () => {
  const { seen, done, stop } = setUp([[message("1", { $case: "caughtUp", value: { hostAddress: "" } }), "open"]]);
  await settled();
  await settled();
  assert.deepEqual(seen, ['watch ""', "up"]);
  stop.abort();
  await done;
});
