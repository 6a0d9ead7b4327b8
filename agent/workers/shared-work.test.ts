import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { SharedWork } from "./shared-work.ts";

const never = new AbortController().signal;

/** Work that ends when it is told to, and that takes as long as it is told to clean up after an abort. */
function controlled() {
  const begun: AbortSignal[] = [];
  const end = Promise.withResolvers<string>();
  const cleanedUp = Promise.withResolvers<void>();
  const work = async (signal: AbortSignal) => {
    begun.push(signal);
    const aborted = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => aborted.reject(signal.reason));
    try {
      return await Promise.race([end.promise, aborted.promise]);
    } catch (error) {
      await cleanedUp.promise;
      throw error;
    }
  };
  return { begun, end, cleanedUp, work };
}

test("callers of one key share one piece of work, those of another don't", async () => {
  const shared = new SharedWork<string>();
  const { begun, end, work } = controlled();
  const calls = [shared.run("a", work, never), shared.run("a", work, never), shared.run("b", work, never)];
  end.resolve("done");
  assert.deepEqual(await Promise.all(calls), ["done", "done", "done"]);
  assert.equal(begun.length, 2);
  assert.equal(begun[0]?.aborted, false, "work that is over is not aborted");
});

test("what is over is not kept, be it a result or a failure", async () => {
  const shared = new SharedWork<number>();
  const failing = () => Promise.reject(new Error("no"));
  await assert.rejects(Promise.all([shared.run("a", failing, never), shared.run("a", failing, never)]), /no/);
  assert.equal(await shared.run("a", async () => 1, never), 1);
  assert.equal(await shared.run("a", async () => 2, never), 2);
});

test("a caller that leaves goes at once; the work goes on for the others and is aborted when the last has gone", async () => {
  const shared = new SharedWork<string>();
  const { begun, cleanedUp, work } = controlled();
  const [first, second] = [new AbortController(), new AbortController()];
  const one = shared.run("a", work, first.signal);
  const two = shared.run("a", work, second.signal);
  first.abort(new Error("first left"));
  await assert.rejects(one, /first left/);
  assert.equal(begun[0]?.aborted, false);
  second.abort(new Error("second left"));
  await assert.rejects(two, /second left/, "although the work still cleans up");
  assert.equal(begun[0]?.aborted, true);
  cleanedUp.resolve();
});

test("a caller whose signal has aborted begins nothing", async () => {
  const shared = new SharedWork<string>();
  const { begun, work } = controlled();
  await assert.rejects(shared.run("a", work, AbortSignal.abort(new Error("gone"))), /gone/);
  assert.equal(begun.length, 0);
});

test("who comes while aborted work cleans up begins anew, and is joined by those after", async () => {
  const shared = new SharedWork<string>();
  const old = controlled();
  const left = new AbortController();
  const abandoned = shared.run("a", old.work, left.signal);
  left.abort(new Error("left"));
  await assert.rejects(abandoned, /left/);

  const fresh = controlled();
  const newcomers = [shared.run("a", fresh.work, never), shared.run("a", fresh.work, never)];
  old.cleanedUp.resolve();
  await settled();
  const third = shared.run("a", fresh.work, never);
  fresh.end.resolve("fresh");
  assert.deepEqual(await Promise.all([...newcomers, third]), ["fresh", "fresh", "fresh"]);
  assert.equal(fresh.begun.length, 1, "the end of the old work did not take the new one from the map");
});

test("abortWhere fails the callers of matching keys with its reason, once the work has cleaned up", async () => {
  const shared = new SharedWork<string>();
  const [mine, other] = [controlled(), controlled()];
  let failed = false;
  const aborted = shared.run("a 1", mine.work, never).catch((error: Error) => {
    failed = true;
    return error.message;
  });
  const kept = shared.run("b 1", other.work, never);
  shared.abortWhere((key) => key.startsWith("a "), new Error("destroyed"));
  await settled();
  assert.equal(failed, false);
  mine.cleanedUp.resolve();
  assert.equal(await aborted, "destroyed");
  other.end.resolve("kept");
  assert.equal(await kept, "kept");
});

test("a library's own word for an abort is replaced by the reason; a failure is not", async () => {
  const shared = new SharedWork<never>();
  const afterAbort = (error: Error) => (signal: AbortSignal) =>
    new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(error));
    });
  const abortError = new DOMException("The operation has been aborted", "AbortError");
  const calls = [
    shared.run("a", afterAbort(abortError), never),
    shared.run("b", afterAbort(new Error("the clean-up failed")), never),
  ];
  shared.abortWhere(() => true, new Error("destroyed"));
  const messages = (await Promise.allSettled(calls)).map((call) => call.status === "rejected" && call.reason.message);
  assert.deepEqual(messages, ["destroyed", "the clean-up failed"]);
});
