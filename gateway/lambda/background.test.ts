import assert from "node:assert/strict";
import { test } from "node:test";
import { Refusal } from "../pool/errors.ts";
import { FakeClock, settled } from "../testing/fake-clock.ts";
import { BackgroundReply, invokeInBackground } from "./background.ts";
import type { InvocationContext, InvocationRequest } from "./invocation.ts";

/** An event of a function that never gets a worker, which has waited for its turn for so long. */
async function refused(waitedMs: number) {
  const clock = new FakeClock();
  const told: string[] = [];
  const context: InvocationContext = {
    clock,
    chains: { begin: () => () => undefined, wait: () => () => undefined },
    isGone: () => false,
    isAway: () => false,
    onInvocation: () => undefined,
    onFailure: (what) => told.push(what),
    requests: { begin: () => () => undefined },
  };
  let tries = 0;
  const request: InvocationRequest = {
    id: "id",
    call: { functionName: "f", traceId: undefined, caller: undefined, awaited: false },
    pool: {
      tryLease: () => undefined,
      wait() {
        tries++;
        throw new Refusal("queue-full", "too many");
      },
    },
    headers: [],
    event: Buffer.from("{}"),
  };
  const reply = new BackgroundReply({ id: "id", functionName: "f" }, context);
  await clock.advance(waitedMs);
  let over = false;
  void invokeInBackground(reply, () => request, context).then(() => {
    over = true;
  });
  await settled();
  return { clock, told, tries: () => tries, over: () => over };
}

test("L1: an event that nobody serves is tried again, until it is six hours old", async () => {
  const { clock, told, tries, over } = await refused(0);
  assert.equal(tries(), 1);
  await clock.advance(3000);
  assert.deepEqual([tries(), told, over()], [3, [], false]);
  for (let hours = 0; hours < 6; hours++) await clock.advance(3600_000);
  assert.deepEqual([told, over(), clock.timers], [["event is lost"], true, 0]);
});

test("L1: what it has waited behind others counts: those behind one that nobody serves do not take six hours each", async () => {
  const { told, tries, over } = await refused(6 * 3600_000);
  assert.deepEqual([tries(), told, over()], [1, ["event is lost"], true]);
});
