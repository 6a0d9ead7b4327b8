import assert from "node:assert/strict";
import { test } from "node:test";
import { merged } from "./merged.ts";

const never = new AbortController().signal;

/** Tells what it is given, until it is aborted. */
async function* source(words: readonly string[], signal: AbortSignal): AsyncGenerator<string, void> {
  yield* words;
  await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}

async function take(all: AsyncGenerator<string, void>, count: number): Promise<string[]> {
  const taken: string[] = [];
  for await (const one of all) if (taken.push(one) === count) break;
  return taken;
}

test("all are heard, each in its order, and all are told when nobody listens any more", async () => {
  const signals: AbortSignal[] = [];
  const from = (words: string[]) => (signal: AbortSignal) => {
    signals.push(signal);
    return source(words, signal);
  };
  const heard = await take(merged(from(["a", "b"]), [from(["x", "y"])], never), 4);
  assert.deepEqual(heard.toSorted(), ["a", "b", "x", "y"]);
  assert.ok(heard.indexOf("a") < heard.indexOf("b") && heard.indexOf("x") < heard.indexOf("y"));
  assert.deepEqual(
    signals.map((signal) => signal.aborted),
    [true, true],
  );
});

test("the end of the main one is the end, once all that came before is told", async () => {
  async function* short() {
    yield "last words";
  }
  const heard = await take(merged(short, [(signal) => source([], signal)], never), 9);
  assert.deepEqual(heard, ["last words"]);
});

test("the end of another one changes nothing, for the rest neither; a failure of any is everybody's", async () => {
  async function* nothing(): AsyncGenerator<string> {}
  async function* later(signal: AbortSignal) {
    await new Promise(setImmediate);
    yield* source(["x"], signal);
  }
  const heard = await take(
    merged((signal) => source(["a"], signal), [nothing, later], never),
    2,
  );
  assert.deepEqual(heard, ["a", "x"]);
  async function* broken(): AsyncGenerator<string> {
    yield await Promise.reject<string>(new Error("cut off"));
  }
  const waiting = (signal: AbortSignal) => source([], signal);
  await assert.rejects(take(merged(broken, [waiting], never), 1), /cut off/);
  await assert.rejects(take(merged(waiting, [broken], never), 1), /cut off/);
});
