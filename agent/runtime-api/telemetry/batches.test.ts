import assert from "node:assert/strict";
import { test } from "node:test";
import { Batches } from "./batches.ts";

/** A receiver that answers when it is told to, and a clock that goes when it is told to. */
function batches(limits: { maxItems?: number; maxBytes?: number } = {}) {
  const sent: unknown[][] = [];
  const timers: (() => void)[] = [];
  let answer: () => void = () => undefined;
  const subject = new Batches({
    maxItems: limits.maxItems ?? 1000,
    maxBytes: limits.maxBytes ?? 262_144,
    timeoutMs: 25,
    after: (_ms, callback) => {
      timers.push(callback);
      return () => {
        timers.splice(timers.indexOf(callback), 1);
      };
    },
    stop: () => undefined,
    send: (body) => {
      sent.push(JSON.parse(body));
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
  });
  return {
    subject,
    sent,
    timers,
    answered: async () => {
      answer();
      await new Promise(setImmediate);
    },
  };
}

test("L3 telemetry goes when its time is up, all of it at once", () => {
  const { subject, sent, timers } = batches();
  subject.add({ n: 1 });
  subject.add({ n: 2 });
  assert.deepEqual(sent, []);
  assert.equal(timers.length, 1);
  timers[0]?.();
  assert.deepEqual(sent, [[{ n: 1 }, { n: 2 }]]);
  assert.equal(timers.length, 0);
});

test("L3 telemetry goes when there are enough items, or enough bytes", () => {
  const byItems = batches({ maxItems: 2 });
  byItems.subject.add({ n: 1 });
  byItems.subject.add({ n: 2 });
  assert.equal(byItems.sent.length, 1);
  const byBytes = batches({ maxBytes: 20 });
  byBytes.subject.add({ text: "more than twenty" });
  assert.equal(byBytes.sent.length, 1);
});

test("L3 a second batch waits for the first", async () => {
  const { subject, sent, answered } = batches({ maxItems: 1 });
  subject.add({ n: 1 });
  subject.add({ n: 2 });
  subject.add({ n: 3 });
  assert.deepEqual(sent, [[{ n: 1 }]]);
  await answered();
  assert.deepEqual(sent, [[{ n: 1 }], [{ n: 2 }, { n: 3 }]]);
});

test("L3 a receiver that never answers costs so much memory and no more, and what is lost is counted", () => {
  const { subject, sent } = batches({ maxItems: 1 });
  for (let n = 0; n < 2011; n++) subject.add({ n });
  assert.equal(sent.length, 1);
  assert.equal(subject.takeDropped(), 10);
  assert.equal(subject.takeDropped(), 0);
});

test("L3 nor do large items: a runtime's name of an error can have a megabyte", () => {
  const { subject } = batches({ maxItems: 1 });
  const item = { errorType: "x".repeat(1024 * 1024) };
  for (let n = 0; n < 13; n++) subject.add(item);
  // One is being sent, two wait.
  assert.equal(subject.takeDropped(), 10);
});

test("L3 nothing is sent for a worker that is gone", () => {
  const { subject, sent, timers } = batches();
  subject.add({ n: 1 });
  subject.close();
  subject.add({ n: 2 });
  assert.deepEqual([sent, timers], [[], []]);
});
