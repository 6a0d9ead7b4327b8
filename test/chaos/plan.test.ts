import assert from "node:assert/strict";
import { test } from "node:test";
import { type Demand, planActions, planRequests } from "./plan.ts";

const actions = [
  { name: "often", weight: 3 },
  { name: "seldom", weight: 1 },
];
const demands: readonly Demand[] = [
  { function: "quick", rate: 90, ops: [{ op: "introduce" }] },
  { function: "odd", rate: 10, ops: [{ op: "introduce", mostMs: 50, mostFiller: 500 }, { op: "exit" }] },
];

test("chaos: the same seed gives the same actions at the same times, another seed others", () => {
  assert.deepEqual(planActions(7, 60_000, actions), planActions(7, 60_000, actions));
  assert.notDeepEqual(planActions(7, 60_000, actions), planActions(8, 60_000, actions));
});

test("chaos: actions come in the proportion of their weights, in order, within the run, and never all at once", () => {
  const plan = planActions(1, 600_000, actions);
  const share = plan.filter(({ name }) => name === "often").length / plan.length;
  assert.ok(Math.abs(share - 0.75) < 0.02, `${share}`);
  const gaps = plan.slice(1).map(({ atMs }, index) => atMs - (plan[index]?.atMs ?? 0));
  assert.ok(Math.min(...gaps) >= 1000 && Math.max(...gaps) <= 5000, `${Math.min(...gaps)} ${Math.max(...gaps)}`);
  assert.ok((plan.at(-1)?.atMs ?? 0) < 600_000);
});

test("chaos: a longer run begins as the shorter one of its seed", () => {
  const short = planActions(3, 30_000, actions);
  assert.deepEqual(planActions(3, 60_000, actions).slice(0, short.length), short);
  const few = [...planRequests(3, 1000, demands)];
  assert.deepEqual([...planRequests(3, 2000, demands)].slice(0, few.length), few);
});

test("chaos: the load is the same for a seed, has its rate, and no nonce twice", () => {
  const load = [...planRequests(5, 60_000, demands)];
  assert.deepEqual(load, [...planRequests(5, 60_000, demands)]);
  assert.ok(Math.abs(load.length - 6000) < 300, `${load.length} requests`);
  assert.equal(new Set(load.map(({ event }) => event.nonce)).size, load.length);
  const odd = load.filter((request) => request.function === "odd");
  assert.ok(Math.abs(odd.length / load.length - 0.1) < 0.02);
  assert.ok(odd.some(({ event }) => event.op === "exit") && odd.some(({ event }) => event.op === "introduce"));
  const leavers = load.filter(({ leaveAfterMs }) => leaveAfterMs !== undefined);
  assert.ok(leavers.length > 80 && leavers.length < 240, `${leavers.length} leave`);
});
