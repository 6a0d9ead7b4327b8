import assert from "node:assert/strict";
import { test } from "node:test";
import type { FeedRequest } from "../../../proto/gen/esb/runtime/v1/runtime.ts";
import type { Worker } from "../worker.ts";
import { Feed } from "./feed.ts";

const worker = { workerId: "hello-0", instanceId: "instance-1" } as Worker;

/** An agent that has called and says nothing. */
function silent(until: Promise<void>): AsyncIterable<FeedRequest> {
  const next = () => until.then(() => ({ done: true, value: undefined }) as const);
  return { [Symbol.asyncIterator]: () => ({ next }) };
}

test("L3: while no agent is there, memory is not known, and nobody waits for it", async () => {
  assert.equal(await new Feed().measure(worker), undefined);
});

test("L3: an agent that does not answer is asked once, holds a bounded number of reports back, and lets go of them when it goes", async () => {
  const feed = new Feed();
  const gone = Promise.withResolvers<void>();
  const wishes = feed.serve(silent(gone.promise), new AbortController().signal);
  const first = wishes.next();
  const measured: (number | undefined)[] = [];
  const all = Array.from({ length: 100 }, () => feed.measure(worker).then((bytes) => measured.push(bytes)));
  assert.equal((await first).value?.wish?.$case, "measure");
  assert.equal(measured.length, 84);
  gone.resolve();
  assert.equal((await wishes.next()).done, true);
  await Promise.all(all);
  assert.ok(measured.every((bytes) => bytes === undefined));
});
