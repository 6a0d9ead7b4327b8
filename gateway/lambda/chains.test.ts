import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../testing/fake-clock.ts";
import { type Call, Chains, isEndless } from "./chains.ts";
import type { Places } from "./stuck.ts";

const callOf = (functionName: string, caller?: Call, awaited = true): Call => ({
  functionName,
  traceId: undefined,
  caller,
  awaited,
});

test("L1: a call that nobody can serve is told at once, and one that can be served waits", () => {
  const chains = new Chains(new FakeClock(), () => ({ busy: 1, when: "own" }));
  const a = callOf("A");
  chains.begin("A-0", a);
  let stuck = 0;
  chains.wait(callOf("A", a), () => stuck++);
  assert.equal(stuck, 1);
  chains.wait(callOf("A"), () => stuck++);
  chains.wait(callOf("A", a, false), () => stuck++);
  assert.equal(stuck, 1, "neither a client nor an event that its caller does not wait for");
});

test("L1: two chains that hold what the other needs: the later call is refused, the earlier one served", () => {
  const chains = new Chains(new FakeClock(), () => ({ busy: 2, when: "own" }));
  const [first, second] = [callOf("A"), callOf("A")];
  chains.begin("A-0", first);
  chains.begin("A-1", second);
  const stuck: string[] = [];
  chains.wait(callOf("A", first), () => stuck.push("first"));
  chains.wait(callOf("A", second), () => stuck.push("second"));
  assert.deepEqual(stuck, ["second"]);
});

test("L1: a host that turns out to be full is noticed while a call waits; nothing is looked at when none does", async () => {
  const clock = new FakeClock();
  let places: Places = { busy: 1, when: "now" };
  const chains = new Chains(clock, () => places);
  const a = callOf("A");
  chains.begin("A-0", a);
  let stuck = 0;
  const stop = chains.wait(callOf("A", a), () => stuck++);
  await clock.advance(150);
  assert.equal(stuck, 0);
  places = { busy: 1, when: "any" };
  await clock.advance(100);
  assert.equal(stuck, 1);
  stop();
  assert.equal(clock.timers, 0);
});

test("L1: who calls is known as long as the worker has its request, and no longer", () => {
  const chains = new Chains(new FakeClock(), () => ({ busy: 0, when: "now" }));
  const [first, second] = [callOf("A"), callOf("A")];
  const endFirst = chains.begin("A-0", first);
  assert.equal(chains.runningAt("A-0"), first);
  chains.begin("A-0", second);
  endFirst();
  assert.equal(chains.runningAt("A-0"), second);
});

test("L1: a function may be invoked sixteen times in one chain, by itself or by others, as event or not", () => {
  let last: Call | undefined;
  for (let times = 0; times < 16; times++) {
    assert.equal(isEndless("A", last), false, `after ${times}`);
    last = callOf("B", callOf("A", last, times % 2 === 0));
  }
  assert.equal(isEndless("A", last), true);
  assert.equal(isEndless("C", last), false);
});
