import assert from "node:assert/strict";
import { test } from "node:test";
import type { Caller, Invocation, Poll } from "./invocation.ts";
import { WorkerSession } from "./session.ts";
import type { SessionObserver } from "./worker.ts";

const nothing = () => undefined;
const observer: SessionObserver = {
  initStarted: nothing,
  initEnded: nothing,
  started: nothing,
  runtimeDone: nothing,
  ending: nothing,
  closed: nothing,
};

/** A session whose clock goes when the test says so. */
function session(heard: Partial<SessionObserver> = {}) {
  const timers: { ms: number; callback: () => void }[] = [];
  const subject = new WorkerSession(
    {
      workerId: "hello-0",
      instanceId: "i1",
      functionName: "hello",
      functionVersion: "$LATEST",
      functionArn: "arn",
      handler: "",
      timeoutMs: 3000,
      memoryMib: 128,
      initTimeoutMs: 10_000,
      extensions: [],
      accountId: "",
    },
    {
      now: () => 0,
      after: (ms, callback) => {
        timers.push({ ms, callback });
        return nothing;
      },
      observer: { ...observer, ...heard },
      onInitFailed: nothing,
    },
  );
  return { subject, timers };
}

interface FakePoll extends Poll {
  readonly delivered: Invocation[];
  closed: boolean;
}

function poll(): FakePoll {
  const fake: FakePoll = {
    delivered: [],
    closed: false,
    deliver: (invocation) => fake.delivered.push(invocation),
    close: () => {
      fake.closed = true;
    },
  };
  return fake;
}

function invocation(ticket: number): { readonly told: string[]; readonly value: Invocation } {
  const told: string[] = [];
  const caller: Caller = {
    wantsStream: false,
    answer: () => told.push("answer"),
    fail: () => told.push("fail"),
    stream: () => assert.fail("no stream is begun"),
    turnAway: (because) => told.push(because),
    cut: () => told.push("cut"),
  };
  const value = {
    ticket,
    requestId: `request-${ticket}`,
    takeEvent: () => [],
    deadlineMs: 0,
    functionArn: "arn",
    traceId: undefined,
    clientContext: undefined,
    cognitoIdentity: undefined,
    caller,
  };
  return { told, value };
}

test("L3 S5 an invocation does not wait for ever for a runtime whose connection is gone, also while no agent tells of its end", () => {
  const { subject, timers } = session();
  const lost = poll();
  subject.next(lost);
  subject.pollOver(lost);
  const waits = invocation(1);
  subject.invoke(waits.value);
  assert.deepEqual([timers.length, waits.told], [1, []]);
  timers[0]?.callback();
  assert.deepEqual(waits.told, ["gone"]);
});

test("L3 a runtime that asks again in time gets what waits", () => {
  const { subject, timers } = session();
  const lost = poll();
  subject.next(lost);
  const waits = invocation(1);
  subject.pollOver(lost);
  subject.invoke(waits.value);
  const again = poll();
  subject.next(again);
  timers[0]?.callback();
  assert.deepEqual([again.delivered.length, waits.told], [1, []]);
});

test("L3 an invocation begins before its runtime hears of it: what it prints then comes behind its beginning", () => {
  const asked = poll();
  const heard: number[] = [];
  const { subject } = session({ started: () => heard.push(asked.delivered.length) });
  subject.next(asked);
  subject.invoke(invocation(1).value);
  assert.deepEqual([heard, asked.delivered.length], [[0], 1]);
});

test("L3 an invocation's time is nobody's timer here: its caller keeps it", () => {
  const { subject, timers } = session();
  subject.next(poll());
  subject.invoke(invocation(1).value);
  subject.invoke(invocation(2).value);
  assert.equal(timers.length, 0);
});

test("L3 S5 a runtime that answers without having read what it was given is not given more and more to read", () => {
  const { subject } = session();
  const polls: FakePoll[] = [];
  for (const ticket of [1, 2, 3]) {
    const asked = poll();
    polls.push(asked);
    subject.next(asked);
    const { value } = invocation(ticket);
    subject.invoke(value);
    assert.equal(subject.beginAnswer(value.requestId), value);
    subject.answered(value, undefined, 0);
    // Only of the second one all has been sent.
    if (ticket === 2) subject.pollOver(asked);
  }
  assert.deepEqual(
    polls.map(({ delivered, closed }) => [delivered.length, closed]),
    [
      [1, true],
      [1, false],
      [1, false],
    ],
  );
});
