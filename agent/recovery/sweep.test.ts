import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Recovery } from "../workers/service.ts";
import { container, observation } from "./observation.fake.ts";
import { type SweepParts, sweep } from "./sweep.ts";

const never = new AbortController().signal;
const stopped = (id: string) => container(id, { state: "stopped" });

/** A sweep over what is given; what it did, in order, and what it logged. */
function parts(changes: Partial<SweepParts> = {}) {
  const done: string[] = [];
  const logged: string[] = [];
  const outcomes: Record<string, Recovery> = { "a-0": "adopted", "b-0": "removed", "c-0": "unchanged" };
  const sweepParts: SweepParts = {
    observe: async () =>
      observation({
        containers: [container("a-0"), stopped("b-0"), stopped("c-0")],
        leases: [{ id: "lease-1", isFormer: true }],
      }),
    workers: {
      recover: async (id) => {
        done.push(`recover ${id}`);
        return outcomes[id] ?? "removed";
      },
    },
    remainsOf: () => ({ isReachable: async () => true, isLeft: async () => true, remove: async () => undefined }),
    network: {
      sweep: async (inUse) => {
        done.push(`network but ${[...inUse].join(", ")}`);
        return 5;
      },
    },
    endLeases: async (ids) => {
      done.push(`leases ${ids.join(", ")}`);
    },
    logger: {
      info: ({ worker }: { worker: string }, text: string) => logged.push(`${worker} ${text}`),
      warn: ({ err, ...what }: { err: Error }) => logged.push(`${Object.values(what).join()} failed: ${err.message}`),
    } as unknown as SweepParts["logger"],
    ...changes,
  };
  return { sweepParts, done, logged };
}

test("S3: the summary tells what was adopted, removed and failed, of all kinds", async () => {
  const { sweepParts, done, logged } = parts();
  const summary = await sweep(sweepParts, never);
  assert.deepEqual(summary, { adopted: 1, workers: 1, attachments: 5, leases: 1, failed: 0 });
  assert.deepEqual(done.sort(), [
    "leases lease-1",
    "network but network of a-0, network of b-0, network of c-0",
    "recover a-0",
    "recover b-0",
    "recover c-0",
  ]);
  assert.deepEqual(logged, ["b-0 removed what was left of a worker"]);
});

test("S3: what fails is logged and counted, and keeps nothing else", async () => {
  const fail = (what: string) => Promise.reject(new Error(what));
  const { sweepParts, logged } = parts({
    workers: { recover: (id) => (id === "c-0" ? Promise.resolve("removed") : fail("busy")) },
    network: { sweep: () => fail("no ip") },
    endLeases: () => fail("no lease"),
  });
  const summary = await sweep(sweepParts, never);
  assert.deepEqual(summary, { adopted: 0, workers: 1, attachments: 0, leases: 0, failed: 4 });
  assert.deepEqual(logged.sort(), [
    "a-0 failed: busy",
    "attachment failed: no ip",
    "b-0 failed: busy",
    "c-0 removed what was left of a worker",
    "lease failed: no lease",
  ]);
});

test("S3: workers are removed side by side, sixteen at a time", async () => {
  let running = 0;
  let most = 0;
  const { sweepParts } = parts({
    observe: async () => observation({ logs: Array.from({ length: 30 }, (_, slot) => `a-${slot}`) }),
    workers: {
      recover: async () => {
        running += 1;
        most = Math.max(most, running);
        await nextTurn();
        running -= 1;
        return "removed";
      },
    },
  });
  assert.equal((await sweep(sweepParts, never)).workers, 30);
  assert.equal(most, 16);
});

test("S3: a sweep that is broken off begins nothing more, and says nothing of what it left", async () => {
  const ending = new AbortController();
  let begun = 0;
  const { sweepParts, logged } = parts({
    observe: async () => observation({ logs: Array.from({ length: 30 }, (_, slot) => `a-${slot}`) }),
    workers: {
      recover: async (_id, _remains, signal) => {
        begun += 1;
        ending.abort(new Error("enough"));
        throw signal.reason;
      },
    },
  });
  await assert.rejects(sweep(sweepParts, ending.signal), /enough/);
  assert.ok(begun <= 8, `${begun}`);
  assert.deepEqual(logged, []);
});
