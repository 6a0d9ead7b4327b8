import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, settled } from "../testing/fake-clock.ts";
import { Breaker } from "./breaker.ts";
import { StartsSuspended } from "./suspended.ts";

class BadFunction extends Error {}

function setUp() {
  const clock = new FakeClock();
  const told: string[] = [];
  const breaker = new Breaker({
    clock,
    counts: (error) => error instanceof BadFunction,
    onOpen: (error, restMs) => told.push(`open ${error instanceof Error ? error.message : ""} ${restMs}`),
    onClose: () => told.push("close"),
  });
  let starts = 0;
  const run = (start: () => Promise<string>) => breaker.run(start, new AbortController().signal);
  const failing = (error: Error) => () =>
    assert.rejects(
      run(async () => {
        starts++;
        throw error;
      }),
      (thrown) => thrown === error,
    );
  const succeed = () =>
    run(async () => {
      starts++;
      return "up";
    });
  const suspended = (retryAfterMs: number, message = "bad image") =>
    assert.rejects(succeed(), (error: unknown) => {
      assert.ok(error instanceof StartsSuspended);
      assert.equal(error.retryAfterMs, retryAfterMs);
      assert.ok(error.cause instanceof BadFunction);
      assert.equal(error.cause.message, message);
      return true;
    });
  return {
    clock,
    told,
    breaker,
    run,
    failing,
    fail: failing(new BadFunction("bad image")),
    succeed,
    suspended,
    starts: () => starts,
  };
}

/** A start that ends when the test says so. */
function held() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let began = 0;
  const start = () => {
    began++;
    return promise;
  };
  return { start, resolve, reject, began: () => began };
}

async function opened() {
  const setup = setUp();
  for (let time = 0; time < 3; time++) await setup.fail();
  return setup;
}

test("G8: three starts that fail in a row open it; what is not tried then says why, and for how long", async () => {
  const { breaker, fail, suspended, starts, told, clock } = setUp();
  await fail();
  await fail();
  assert.equal(breaker.state, "closed");
  await fail();
  assert.equal(breaker.state, "open");
  await suspended(1000);
  await clock.advance(999);
  await suspended(1);
  assert.equal(starts(), 3);
  assert.deepEqual(told, ["open bad image 1000"]);
});

test("G8: a success in between starts the count anew", async () => {
  const { breaker, fail, succeed, told } = setUp();
  for (let round = 0; round < 3; round++) {
    await fail();
    await fail();
    await succeed();
  }
  assert.equal(breaker.state, "closed");
  assert.deepEqual(told, []);
});

test("G8: errors that are not the function's, and starts given up, never count, nor do they mend anything", async () => {
  const { breaker, fail, failing, told } = setUp();
  const abort = new DOMException("nobody waits", "AbortError");
  for (const error of [new Error("the agent is away"), abort, new Error("no memory"), abort]) await failing(error)();
  assert.equal(breaker.state, "closed");
  await fail();
  await failing(abort)();
  await fail();
  await failing(new Error("the agent is away"))();
  await fail();
  assert.equal(breaker.state, "open");
  assert.deepEqual(told, ["open bad image 1000"]);
});

test("G8: after the rest one start is tried; its success closes the breaker, and the next rest is short again", async () => {
  const { breaker, clock, succeed, fail, told, suspended } = await opened();
  await clock.advance(1000);
  assert.equal(breaker.state, "trying");
  assert.equal(await succeed(), "up");
  assert.equal(breaker.state, "closed");
  for (let time = 0; time < 3; time++) await fail();
  await suspended(1000);
  assert.deepEqual(told, ["open bad image 1000", "close", "open bad image 1000"]);
});

test("G8: each trial that fails doubles the rest, up to a minute; that is told only once", async () => {
  const { clock, failing, suspended, told } = await opened();
  for (const restMs of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]) {
    await suspended(restMs, restMs === 1000 ? "bad image" : "still bad");
    await clock.advance(restMs);
    await failing(new BadFunction("still bad"))();
  }
  assert.deepEqual(told, ["open bad image 1000"]);
});

test("G8: while one start is tried others wait for its outcome: they go on, or are told no", async () => {
  for (const ends of ["well", "badly"] as const) {
    const { run, clock } = await opened();
    await clock.advance(1000);
    const trial = held();
    const other = held();
    other.resolve("other");
    const first = run(trial.start);
    const second = run(other.start);
    await settled();
    assert.equal(other.began(), 0);
    if (ends === "well") {
      trial.resolve("up");
      assert.deepEqual(await Promise.all([first, second]), ["up", "other"]);
    } else {
      const refused = [assert.rejects(first, BadFunction), assert.rejects(second, StartsSuspended)];
      trial.reject(new BadFunction("still bad"));
      await Promise.all(refused);
      assert.equal(other.began(), 0);
    }
  }
});

test("G8: a trial that says nothing, since the agent went or nobody waits, leaves it to the next", async () => {
  const { breaker, run, clock, failing, suspended } = await opened();
  await clock.advance(1000);
  const trial = held();
  const next = held();
  const another = held();
  const first = assert.rejects(run(trial.start), /away/);
  const second = assert.rejects(run(next.start), BadFunction);
  const third = assert.rejects(run(another.start), StartsSuspended);
  trial.reject(new Error("the agent is away"));
  await first;
  await settled();
  assert.equal(breaker.state, "trying");
  assert.equal(next.began(), 1);
  assert.equal(another.began(), 0);
  next.reject(new BadFunction("bad image"));
  await Promise.all([second, third]);
  await suspended(2000);
  await clock.advance(2000);
  await failing(new DOMException("nobody waits", "AbortError"))();
  assert.equal(breaker.state, "trying");
});

test("G8: starts from before it opened: failures do not make the rest longer, a success closes it", async () => {
  const { breaker, run, suspended, told } = setUp();
  const starts = Array.from({ length: 5 }, held);
  const ends = starts.map(({ start }) => run(start).catch((error: unknown) => error));
  for (const { reject } of starts.slice(0, 4)) reject(new BadFunction("bad image"));
  await Promise.all(ends.slice(0, 4));
  await suspended(1000);
  starts[4]?.resolve("up");
  assert.equal(await ends[4], "up");
  assert.equal(breaker.state, "closed");
  assert.deepEqual(told, ["open bad image 1000", "close"]);
});

test("G8: after a failure starts are tried one at a time, until one succeeds: no more fail than must", async () => {
  const { run, fail } = setUp();
  await fail();
  const starts = Array.from({ length: 4 }, held);
  const ends = starts.map(({ start }) => run(start).catch((error: unknown) => error));
  const began = async () => {
    await settled();
    return starts.map((start) => start.began()).join(" ");
  };
  assert.equal(await began(), "1 0 0 0");
  starts[0]?.reject(new BadFunction("bad image"));
  assert.equal(await began(), "1 1 0 0");
  starts[1]?.resolve("up");
  assert.equal(await began(), "1 1 1 1");
  for (const { resolve } of starts) resolve("up");
  assert.ok((await ends[0]) instanceof BadFunction);
  assert.deepEqual(await Promise.all(ends.slice(1)), ["up", "up", "up"]);
});

test("G8: a start that waits for another's outcome gives up when nobody waits for it", async () => {
  const { breaker, run, fail } = setUp();
  await fail();
  const [first, second] = [held(), held()];
  const running = run(first.start);
  const leave = new AbortController();
  const waiting = assert.rejects(breaker.run(second.start, leave.signal), { name: "AbortError" });
  leave.abort();
  await waiting;
  first.resolve("up");
  await running;
  assert.equal(second.began(), 0);
});

test("G8: the wall clock may be set back: it is not asked", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: Date.UTC(2030, 0) });
  const { clock, succeed } = await opened();
  t.mock.timers.setTime(Date.UTC(1970, 0));
  await clock.advance(1000);
  assert.equal(await succeed(), "up");
});
