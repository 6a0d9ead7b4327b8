import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../testing/fake-clock.ts";
import { Refusal } from "./errors.ts";
import { WaitQueue } from "./queue.ts";
import { QueueBudget } from "./queue-budget.ts";

function setUp(limit = 2) {
  const clock = new FakeClock();
  const budget = new QueueBudget(100);
  const seen = { departures: 0 };
  const queue = new WaitQueue<string>({ limit, timeoutMs: 100, budget, clock, onDeparture: () => seen.departures++ });
  return { clock, budget, queue, seen };
}

const refused = (reason: string) => (error: unknown) => error instanceof Refusal && error.reason === reason;

test("first come, first served", async () => {
  const { queue, clock } = setUp();
  const [a, b] = [queue.join(), queue.join()];
  queue.serve("1");
  queue.serve("2");
  queue.serve("3");
  assert.deepEqual(await Promise.all([a.turn, b.turn]), ["1", "2"]);
  assert.equal(clock.timers, 0);
});

test("one too many is refused at once, except one who has had a turn", () => {
  const { queue } = setUp();
  queue.join();
  queue.join();
  assert.throws(() => queue.join(), refused("queue-full"));
  queue.join({ again: true });
  assert.equal(queue.length, 3);
});

test("a limit of none: nobody may wait", () => {
  assert.throws(() => setUp(0).queue.join(), refused("queue-full"));
});

test("each waits no longer than it may, counted from when it came", async () => {
  const { queue, clock } = setUp();
  const first = assert.rejects(queue.join().turn, refused("queue-timeout"));
  await clock.advance(50);
  const second = queue.join();
  await clock.advance(50);
  await first;
  assert.equal(queue.length, 1);
  queue.serve("x");
  assert.equal(await second.turn, "x");
});

test("who leaves makes room, leaves once, and is not served", async () => {
  const { queue, seen } = setUp();
  const [a, b] = [queue.join(), queue.join()];
  const left = assert.rejects(a.turn, refused("left"));
  a.leave();
  a.leave();
  await left;
  assert.equal(seen.departures, 1);
  queue.serve("x");
  assert.equal(await b.turn, "x");
  b.leave();
  assert.equal(seen.departures, 1);
});

test("all are sent home at once", async () => {
  const { queue, clock } = setUp();
  const both = [queue.join(), queue.join()].map(({ turn }) => assert.rejects(turn, /no/));
  queue.rejectAll(new Error("no"));
  await Promise.all(both);
  assert.equal(clock.timers, 0);
});
