import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { step, type WorkerEvent } from "./machine.ts";
import { activityOf, isUnanswered, newWorker } from "./state.ts";

const identifiers = ["a", "b", "inside"] as const;
const identifier = fc.constantFrom(...identifiers);
const number = fc.integer({ min: 1, max: 6 });

/** Whatever runtimes, extensions, callers and the agent may do, in any order; tickets are given when they are taken. */
const events: fc.Arbitrary<readonly (WorkerEvent | { readonly on: "take" })[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom({ on: "next" as const }, { on: "take" as const }) },
    { weight: 4, arbitrary: number.map((id) => ({ on: "answer" as const, id: `request-${id}` })) },
    { weight: 4, arbitrary: fc.constantFrom({ on: "answer-done" as const }, { on: "answer-lost" as const }) },
    { weight: 4, arbitrary: identifier.map((one) => ({ on: "extension-next" as const, identifier: one })) },
    {
      weight: 3,
      arbitrary: fc.record({
        on: fc.constant("register" as const),
        identifier,
        name: identifier,
        events: fc.subarray(["INVOKE", "SHUTDOWN", "OTHER"]),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        { on: "poll-lost" as const },
        { on: "away-too-long" as const },
        { on: "init-error" as const },
      ),
    },
    { weight: 1, arbitrary: fc.constantFrom({ on: "shutdown" as const }, { on: "init-timeout" as const }) },
    { weight: 1, arbitrary: number.map((ticket) => ({ on: "caller-gone" as const, ticket })) },
    { weight: 1, arbitrary: identifier.map((one) => ({ on: "extension-poll-lost" as const, identifier: one })) },
    { weight: 1, arbitrary: identifier.map((one) => ({ on: "extension-error" as const, identifier: one })) },
    { weight: 1, arbitrary: fc.constantFrom({ on: "exited" as const }, { on: "extension-exited" as const }) },
  ),
  { maxLength: 60 },
);

test("L3 in any order of events each invocation is delivered once at most, alone, and ends in one way", () => {
  fc.assert(
    fc.property(events, fc.subarray(["a", "b"]), (sequence, expected) => {
      let state = newWorker(expected);
      let tickets = 0;
      const fates = new Map<number, string>();
      const tell = (ticket: number, fate: string, from: readonly string[]) => {
        assert.ok(from.includes(fates.get(ticket) ?? ""), `${ticket}: ${fates.get(ticket)}, then ${fate}`);
        fates.set(ticket, fate);
      };
      let inits = 0;
      for (const event of sequence) {
        const taken = event.on === "take" ? { ticket: ++tickets, requestId: `request-${tickets}` } : undefined;
        if (taken !== undefined) fates.set(taken.ticket, "taken");
        const before = state;
        const { state: after, effects } = step(
          before,
          event.on === "take" ? { on: "invoke", ticket: taken ?? assert.fail() } : event,
        );
        state = after;
        for (const effect of effects) {
          if (effect.do === "refuse") {
            assert.equal(after, before, "what is refused changes nothing");
            if (taken !== undefined) tell(taken.ticket, "refused", ["taken"]);
          }
          if (effect.do === "deliver") {
            assert.ok(!isUnanswered(before), "the runtime has one at a time");
            assert.equal(before.expected.size, 0, "all extensions that were started are there");
            tell(effect.ticket.ticket, "delivered", ["taken"]);
          }
          if (effect.do === "fail") tell(effect.ticket.ticket, "failed", ["delivered"]);
          if (effect.do === "turn-away") tell(effect.ticket.ticket, "turned away", ["taken"]);
          if (effect.do === "ready" || effect.do === "init-failed") inits++;
        }
        if (event.on === "answer-done" && before.runtime === "answering") {
          tell(before.current?.ticket ?? 0, "answered", ["delivered"]);
        }
        if (event.on === "caller-gone" && before.waiting?.ticket === event.ticket)
          tell(event.ticket, "gone", ["taken"]);
        assert.equal(inits, after.life === "init" ? 0 : 1, "init ends once");
        if (activityOf(after) === "idle") {
          assert.equal(after.waiting, undefined);
          assert.ok(!isUnanswered(after), "what may be frozen has nothing to do");
        }
      }
      const { state: over } = step(state, { on: "exited" });
      assert.ok(!isUnanswered(over) && over.waiting === undefined, "the end leaves nobody waiting");
    }),
    { numRuns: 2000 },
  );
});
