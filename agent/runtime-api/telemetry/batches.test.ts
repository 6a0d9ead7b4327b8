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
    lost: (items, bytes) => ({ items, bytes }),
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
  const inUtf8 = batches({ maxBytes: 20 });
  inUtf8.subject.add({ t: "多多多多" });
  assert.equal(inUtf8.sent.length, 1);
});

test("L3 a second batch waits for the first, and is no larger than any", async () => {
  const { subject, sent, answered } = batches({ maxItems: 2 });
  for (let n = 1; n <= 5; n++) subject.add({ n });
  assert.deepEqual(sent, [[{ n: 1 }, { n: 2 }]]);
  await answered();
  assert.deepEqual(sent.slice(1), [[{ n: 3 }, { n: 4 }]]);
  await answered();
  assert.deepEqual(sent.slice(2), [[{ n: 5 }]]);
});

test("L3 a receiver that never answers costs so much memory and no more; what is lost is told where it is missing", async () => {
  const { subject, sent, answered } = batches({ maxItems: 1000 });
  for (let n = 0; n < 3010; n++) subject.add({ n });
  assert.equal(sent.length, 1);
  for (let count = 0; count < 3; count += 1) await answered();
  subject.add({ n: "next" });
  subject.hurry();
  assert.equal(sent.slice(0, 3).flat().length, 3000);
  assert.deepEqual(sent[3], [{ items: 10, bytes: 10 * '{"n":3000}'.length }, { n: "next" }]);
});

test("L3 nor do large items: a runtime's name of an error can have a megabyte", async () => {
  const { subject, sent, answered } = batches({ maxItems: 1 });
  const item = { errorType: "x".repeat(1024 * 1024) };
  for (let n = 0; n < 13; n++) subject.add(item);
  // One is being sent, two wait.
  await answered();
  subject.add({});
  for (let count = 0; count < 4; count += 1) await answered();
  const lost = sent.flat().find((one) => typeof one === "object" && one !== null && "items" in one);
  assert.equal((lost as { items: number } | undefined)?.items, 10);
});

test("L3 a worker that is about to end is sent at once what waits, and soon what comes", () => {
  const { subject, sent, timers } = batches();
  subject.add({ n: 1 });
  subject.hurry();
  assert.deepEqual([sent, timers], [[[{ n: 1 }]], []]);
});

test("L3 nothing is sent for a worker that is gone", () => {
  const { subject, sent, timers } = batches();
  subject.add({ n: 1 });
  subject.close();
  subject.add({ n: 2 });
  assert.deepEqual([sent, timers], [[], []]);
});
