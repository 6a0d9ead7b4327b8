import assert from "node:assert/strict";
import { test } from "node:test";
import { InOrder, lineLagMs } from "./in-order.ts";
import type { TelemetryItem } from "./item.ts";

/** Items are named by their type; the clock goes when it is told to. */
function ordered() {
  const told: string[] = [];
  let [nowMs, timers]: [number, { atMs: number; callback: () => void }[]] = [0, []];
  const subject = new InOrder({
    now: () => nowMs,
    after: (ms, callback) => {
      const timer = { atMs: nowMs + ms, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    tell: ({ records }) => told.push(String(records.telemetry?.[0])),
  });
  const item = (name: string, timeMs: number): TelemetryItem => ({
    of: "platform",
    timeMs,
    records: { telemetry: [name, {}] },
  });
  return {
    subject,
    told,
    event: (name: string, begins = false) => subject.event(item(name, nowMs), begins),
    line: (name: string, timeMs: number) => subject.line(item(name, timeMs)),
    pass(ms: number) {
      nowMs += ms;
      const due = timers.filter(({ atMs }) => atMs <= nowMs);
      timers = timers.filter(({ atMs }) => atMs > nowMs);
      for (const { callback } of due) callback();
    },
    get waits() {
      return timers.length > 0;
    },
  };
}

test("L3: events of a worker whose lines nobody wants are told at once", () => {
  const t = ordered();
  t.event("start", true);
  assert.deepEqual([t.told, t.waits], [["start"], false]);
});

test("L3: a line that comes late stands between beginning and end of its invocation", () => {
  const t = ordered();
  t.subject.expectLines();
  t.event("start 1", true);
  t.pass(2);
  t.event("done 1");
  t.line("line 1", 1);
  t.pass(2);
  t.event("start 2", true);
  t.line("late line 1", 3);
  t.line("line 2", 4);
  t.event("done 2");
  assert.deepEqual(t.told, ["start 1", "line 1", "late line 1", "done 1", "start 2", "line 2"]);
  t.pass(lineLagMs);
  assert.equal(t.told.at(-1), "done 2");
});

test("L3: an event waits for no longer than lines take to come, each from its own moment on", () => {
  const t = ordered();
  t.subject.expectLines();
  t.event("one");
  t.pass(lineLagMs - 10);
  t.event("two");
  t.pass(10);
  assert.deepEqual(t.told, ["one"]);
  t.pass(lineLagMs - 10);
  assert.deepEqual([t.told, t.waits], [["one", "two"], false]);
});

test("L3: nothing waits for a worker that ends", () => {
  const t = ordered();
  t.subject.expectLines();
  t.event("done");
  t.subject.flush();
  assert.deepEqual([t.told, t.waits], [["done"], false]);
});
