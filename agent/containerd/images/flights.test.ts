import assert from "node:assert/strict";
import { test } from "node:test";
import { createFlights } from "./flights.ts";

const never = new AbortController().signal;

test("callers of one key share one piece of work", async () => {
  const flights = createFlights<number>();
  let runs = 0;
  const work = async (_signal: AbortSignal, notify: (note: number) => void) => {
    runs++;
    await Promise.resolve();
    notify(7);
    return "done";
  };
  const notes: number[] = [];
  const listener = (note: number) => notes.push(note);
  const both = [flights.run("a", never, listener, work), flights.run("a", never, listener, work)];
  assert.deepEqual(await Promise.all(both), ["done", "done"]);
  assert.equal(runs, 1);
  await flights.run("a", never, undefined, work);
  assert.equal(runs, 2, "what is done is not kept");
});

test("a failure reaches every caller and is not kept", async () => {
  const flights = createFlights<never>();
  const fails = () => Promise.reject(new Error("no"));
  const results = await Promise.allSettled([
    flights.run("a", never, undefined, fails),
    flights.run("a", never, undefined, fails),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  assert.equal(await flights.run("a", never, undefined, async () => 1), 1);
});

test("work goes on while one caller is left, and the last one to go waits for its end", async () => {
  const flights = createFlights<never>();
  const first = new AbortController();
  const second = new AbortController();
  const seen: string[] = [];
  const work = async (signal: AbortSignal) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    await Promise.resolve();
    seen.push("cleaned up");
    signal.throwIfAborted();
  };
  const one = flights.run("a", first.signal, undefined, work);
  const two = flights.run("a", second.signal, undefined, work);
  first.abort(new Error("first went"));
  await assert.rejects(one, /first went/);
  assert.deepEqual(seen, []);
  second.abort(new Error("second went"));
  await assert.rejects(two, /second went/);
  assert.deepEqual(seen, ["cleaned up"]);
});

test("who comes while an abandoned flight ends starts a new one", async () => {
  const flights = createFlights<never>();
  const controller = new AbortController();
  const end = Promise.withResolvers<string>();
  const abandoned = flights.run("a", controller.signal, undefined, () => end.promise);
  controller.abort(new Error("went"));
  await Promise.resolve();
  await Promise.resolve();
  await Promise.resolve();
  const fresh = flights.run("a", never, undefined, async () => "fresh");
  end.resolve("old");
  await assert.rejects(abandoned, /went/);
  assert.equal(await fresh, "fresh");
});
