import assert from "node:assert/strict";
import { test } from "node:test";
import { type Effect, step, type WorkerEvent } from "./machine.ts";
import { activityOf, newWorker, type WorkerState } from "./state.ts";

const ticket = (number: number) => ({ ticket: number, requestId: `request-${number}` });
export const invoke = (number: number): WorkerEvent => ({ on: "invoke", ticket: ticket(number) });
export const answer = (number: number): WorkerEvent => ({ on: "answer", id: `request-${number}` });
export const next: WorkerEvent = { on: "next" };
export const done: WorkerEvent = { on: "answer-done" };
export const exited: WorkerEvent = { on: "exited" };
export const refusal = (because: string) => [`refuse ${because}`];

/** Effects in short, by what they do and to whom. */
function words(effect: Effect): string {
  switch (effect.do) {
    case "refuse":
      return `refuse ${effect.because}`;
    case "deliver":
      return [`deliver ${effect.ticket.ticket}`, ...effect.extensions].join(" ");
    case "tell-shutdown":
      return ["tell-shutdown", ...effect.extensions].join(" ");
    case "fail":
    case "turn-away":
      return `${effect.do} ${effect.ticket.ticket}`;
    default:
      return effect.do;
  }
}

function after(extensions: readonly string[], events: readonly WorkerEvent[]): { state: WorkerState; last: string[] } {
  let state = newWorker(extensions);
  let last: readonly Effect[] = [];
  for (const event of events) ({ state, effects: last } = step(state, event));
  return { state, last: last.map(words) };
}

interface Row {
  readonly name: string;
  readonly extensions?: readonly string[];
  readonly events: readonly WorkerEvent[];
  /** Effects of the last event. */
  readonly last: readonly string[];
  readonly activity: string;
}

/** A test for each row: what a worker of which these events have told does upon the last, and what it is then. */
export function testTable(rows: readonly Row[]): void {
  for (const row of rows) {
    test(`L3 ${row.name}`, () => {
      const { state, last } = after(row.extensions ?? [], row.events);
      assert.deepEqual(last, row.last);
      assert.equal(activityOf(state), row.activity);
    });
  }
}
