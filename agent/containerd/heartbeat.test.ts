import assert from "node:assert/strict";
import { test } from "node:test";
import { hang } from "../workers/runtime.fake.ts";
import { type HeartbeatOptions, whileAnswering } from "./heartbeat.ts";

const never = new AbortController().signal;

/** A source that answers as told, time after time, then always. */
function asked(...answers: boolean[]): HeartbeatOptions & { readonly count: () => number } {
  let count = 0;
  return {
    ask: async () => {
      count += 1;
      if (answers[count - 1] === false) throw new Error("too late");
    },
    delay: async (_milliseconds, signal) => {
      // After the last of the answers nothing is asked any more: the test is about what came before.
      if (count >= answers.length) await hang("", signal).catch(() => undefined);
    },
    intervalMs: 5000,
    who: "containerd at /run/c.sock",
    count: () => count,
  };
}

async function* stream(events: readonly string[], signal: AbortSignal): AsyncGenerator<string, void> {
  yield* events;
  await hang("", signal);
}

test("S5: a source that answers no more ends the stream, though that itself would never end", async () => {
  const options = asked(true, false, true, false, false);
  const told: string[] = [];
  const following = (async () => {
    for await (const event of whileAnswering(options, (signal) => stream(["a", "b"], signal), never)) told.push(event);
  })();
  await assert.rejects(following, {
    code: "RUNTIME_UNAVAILABLE",
    message: "containerd at /run/c.sock is there but does not answer",
  });
  assert.deepEqual(told, ["a", "b"]);
  assert.equal(options.count(), 5, "one silence alone is forgiven");
});

test("a stream that ends by itself, fails or is left ends the asking too", async () => {
  const ended = asked(true, true, true);
  for await (const _event of whileAnswering(ended, async function* () {}, never));
  const failed = asked();
  const failing = whileAnswering(
    failed,
    () => {
      throw new Error("reset");
    },
    never,
  );
  await assert.rejects(failing.next(), /reset/);
  const left = asked();
  for await (const _event of whileAnswering(left, (signal) => stream(["a"], signal), never)) break;
  const abort = new AbortController();
  const aborted = whileAnswering(asked(), (signal) => stream([], signal), abort.signal).next();
  abort.abort();
  await assert.rejects(aborted, { name: "AbortError" });
});
