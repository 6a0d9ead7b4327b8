import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import fc from "fast-check";
import { FakeRecords } from "./records.fake.ts";
import { type WatchMessage, WorkerTable } from "./table.ts";
import { liveWorker } from "./worker.fake.ts";
import type { Worker } from "./worker.ts";

type Step =
  | { readonly do: "set"; readonly id: string; readonly instance: number; readonly state: "running" | "paused" }
  | { readonly do: "remove"; readonly id: string }
  | { readonly do: "read"; readonly messages: number };

const id = fc.constantFrom("a-0", "b-0", "c-0");
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant("set" as const),
    id,
    instance: fc.integer({ min: 1, max: 2 }),
    state: fc.constantFrom("running" as const, "paused" as const),
  }),
  fc.record({ do: fc.constant("remove" as const), id }),
  fc.record({ do: fc.constant("read" as const), messages: fc.integer({ min: 0, max: 4 }) }),
);

function apply(table: WorkerTable, change: Step): void {
  if (change.do === "set") {
    table.set(liveWorker({ id: change.id, instanceId: `instance-${change.instance}` }, { state: change.state }));
  } else if (change.do === "remove") table.remove(change.id, "destroyed");
}

/** What a client of the contract would do with a message. */
function replay(view: Map<string, Worker>, message: WatchMessage): void {
  if (message.type === "snapshot") {
    view.clear();
    for (const worker of message.workers) view.set(worker.identity.id, worker);
  } else if (message.change.type === "removed") view.delete(message.change.worker.identity.id);
  else view.set(message.change.worker.identity.id, message.change.worker);
}

const sorted = (view: Map<string, Worker>) =>
  [...view.values()].sort((a, b) => (a.identity.id < b.identity.id ? -1 : 1));

/** Reads at most so many messages of a watch, and leaves. @returns the position to go on from */
async function read(table: WorkerTable, view: Map<string, Worker>, position: string, most: number): Promise<string> {
  const controller = new AbortController();
  let last = position;
  let count = 0;
  const reading = (async () => {
    if (most === 0) return;
    for await (const message of table.watch(position, controller.signal)) {
      replay(view, message);
      last = message.position;
      count += 1;
      if (count === most) return;
    }
  })();
  await settled();
  controller.abort();
  await reading;
  return last;
}

test("whoever follows a watch, leaving and coming back anywhere, ends with the table's state", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.integer({ min: 1, max: 6 }), async (steps, journalLimit) => {
      const table = new WorkerTable(new FakeRecords(), journalLimit);
      const view = new Map<string, Worker>();
      let position = "";
      for (const next of steps) {
        if (next.do === "read") position = await read(table, view, position, next.messages);
        else apply(table, next);
      }
      await read(table, view, position, Number.POSITIVE_INFINITY);
      assert.deepEqual(sorted(view), table.all());
    }),
  );
});

test("one watch that is read while things change ends with the table's state", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.integer({ min: 1, max: 6 }), async (steps, journalLimit) => {
      const table = new WorkerTable(new FakeRecords(), journalLimit);
      const view = new Map<string, Worker>();
      const controller = new AbortController();
      const following = (async () => {
        for await (const message of table.watch("", controller.signal)) replay(view, message);
      })();
      for (const next of steps) {
        if (next.do === "read") for (let turn = 0; turn < next.messages; turn += 1) await Promise.resolve();
        else apply(table, next);
      }
      await settled();
      controller.abort();
      await following;
      assert.deepEqual(sorted(view), table.all());
    }),
  );
});
