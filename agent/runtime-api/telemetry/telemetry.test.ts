import assert from "node:assert/strict";
import { test } from "node:test";
import type { Invocation } from "../invocation.ts";
import type { Worker } from "../worker.ts";
import type { Batches } from "./batches.ts";
import { Telemetry } from "./telemetry.ts";

const nothing = () => undefined;

/** A worker whose extension has subscribed to its events; and those who wait until it is quiet. */
function watched() {
  const told: string[] = [];
  const waiting = new Set<() => void>();
  const telemetry = new Telemetry({ memoryMib: 128 } as Worker, {
    now: () => 0,
    after: () => nothing,
    epochMs: () => 0,
    feed: { follow: () => nothing, measure: async () => 1 },
    whenQuiet: (callback) => {
      waiting.add(callback);
      return () => waiting.delete(callback);
    },
  });
  const batches = { add: ({ type }: { type: string }) => told.push(type), hurry: nothing, close: nothing };
  telemetry.subscribe("watcher", ["platform"], "telemetry", batches as unknown as Batches);
  return { telemetry, told, waiting };
}

test("L3: of a worker that is never quiet every invocation is reported, and no more than one waits for that", async () => {
  const { telemetry, told, waiting } = watched();
  for (let number = 0; number < 100; number++) {
    const invocation = { requestId: `request-${number}` } as Invocation;
    telemetry.started(invocation);
    telemetry.runtimeDone(invocation, undefined, 2);
  }
  assert.equal(waiting.size, 1);
  for (const callback of waiting) callback();
  await Promise.resolve();
  assert.equal(told.filter((type) => type === "platform.report").length, 100);
});
