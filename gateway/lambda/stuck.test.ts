import assert from "node:assert/strict";
import { test } from "node:test";
import type { Call } from "./chains.ts";
import { type Places, stuckCalls } from "./stuck.ts";

/** `max` workers of each function, all on one host with room for `room`; only running requests have workers. */
interface Case {
  readonly what: string;
  /** Who runs: a name for each request, its function, and who waits for it. */
  readonly running: Readonly<Record<string, readonly [functionName: string, caller?: string]>>;
  /** Who waits: the function, and who has asked. */
  readonly waiting: readonly (readonly [functionName: string, caller: string])[];
  readonly max: Readonly<Record<string, number>>;
  readonly room?: number;
  /** Which of those who wait. */
  readonly stuck: readonly number[];
}

const cases: readonly Case[] = [
  {
    what: "a function with one worker calls itself",
    running: { a: ["A"] },
    waiting: [["A", "a"]],
    max: { A: 1 },
    stuck: [0],
  },
  {
    what: "a function with two workers calls itself",
    running: { a: ["A"] },
    waiting: [["A", "a"]],
    max: { A: 2 },
    stuck: [],
  },
  {
    what: "A calls B calls A",
    running: { a: ["A"], b: ["B", "a"] },
    waiting: [["A", "b"]],
    max: { A: 1, B: 1 },
    stuck: [0],
  },
  {
    what: "two chains hold what the other needs",
    running: { a1: ["A"], a2: ["A"] },
    waiting: [
      ["A", "a1"],
      ["A", "a2"],
    ],
    max: { A: 2 },
    stuck: [0, 1],
  },
  {
    what: "a client's own request will end",
    running: { a: ["A"], client: ["B"] },
    waiting: [["B", "a"]],
    max: { A: 1, B: 1 },
    stuck: [],
  },
  {
    what: "one of two calls of a function is stuck, and so is who waits for that function",
    running: { a: ["A"], c: ["C"] },
    waiting: [
      ["A", "a"],
      ["B", "a"],
      ["A", "c"],
    ],
    max: { A: 1, B: 1, C: 1 },
    stuck: [0, 2],
  },
  {
    what: "a chain longer than the host has room",
    running: { a: ["A"], b: ["B", "a"] },
    waiting: [["C", "b"]],
    max: { A: 5, B: 5, C: 5 },
    room: 2,
    stuck: [0],
  },
  {
    what: "a full host on which another request will end",
    running: { a: ["A"], b: ["B", "a"], client: ["D"] },
    waiting: [["C", "b"]],
    max: { A: 5, B: 5, C: 5, D: 5 },
    room: 3,
    stuck: [],
  },
  {
    what: "who has called has gone",
    running: { other: ["A"] },
    waiting: [["A", "gone"]],
    max: { A: 1 },
    stuck: [],
  },
];

for (const { what, running, waiting, max, room = Number.POSITIVE_INFINITY, stuck } of cases) {
  test(`L1: which calls wait for ever: ${what}`, () => {
    const calls = new Map<string, Call>();
    const call = (functionName: string, caller?: string): Call => ({
      functionName,
      traceId: undefined,
      caller: caller === undefined ? undefined : (calls.get(caller) ?? call(functionName)),
      awaited: true,
    });
    for (const [name, [functionName, caller]] of Object.entries(running)) calls.set(name, call(functionName, caller));
    const places = (functionName: string): Places => {
      const busy = [...calls.values()].filter((other) => other.functionName === functionName).length;
      if (busy >= (max[functionName] ?? 0)) return { busy, when: "own" };
      return { busy, when: calls.size >= room ? "any" : "now" };
    };
    const waits = waiting.map(([functionName, caller]) => call(functionName, caller));
    const found = stuckCalls([...calls.values()], waits, places);
    assert.deepEqual(
      waits.flatMap((wait, index) => (found.has(wait) ? [index] : [])),
      stuck,
    );
  });
}

test("L1: a worker whose request is not known here will be free", () => {
  const a: Call = { functionName: "A", traceId: undefined, caller: undefined, awaited: true };
  const places = (): Places => ({ busy: 2, when: "own" });
  assert.equal(stuckCalls([a], [{ ...a, caller: a }], places).size, 0);
});
