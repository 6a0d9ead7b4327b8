import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import type { SweepSummary } from "./sweep.ts";
import { Sweeper, type SweeperOptions } from "./sweeper.ts";

const nothing: SweepSummary = { adopted: 0, workers: 0, attachments: 0, leases: 0, failed: 0 };
const intervalMs = 60_000;

/** A sweeper on a clock that stands still; what it did and logged, in order. */
function begin(t: TestContext, changes: Partial<SweeperOptions> = {}, adopted = 0) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const told: string[] = [];
  const log = (level: string) => (fields: { err?: Error; ms?: number }, text: string) => {
    const { err, ms: _ms, ...rest } = fields;
    told.push(`${level} ${text} ${err === undefined ? JSON.stringify(rest) : err.message}`);
  };
  const ending = new AbortController();
  const sweeper = new Sweeper({
    repair: async () => {
      told.push("repair");
    },
    sweep: async () => {
      told.push("sweep");
      return nothing;
    },
    intervalMs,
    logger: { debug: log("debug"), info: log("info"), error: log("error") } as unknown as SweeperOptions["logger"],
    ...changes,
  });
  const running = sweeper.run(adopted, ending.signal);
  const stop = async () => {
    ending.abort();
    await running;
  };
  return { told, stop };
}

const summary = (adopted: number, workers = 0, failed = 0) =>
  JSON.stringify({ adopted, removed: { workers, attachments: 0, leases: 0 }, failed });

test("S3: it sweeps at once and says so, then at intervals, repairing the network before, and says no more than it must", async (t) => {
  const { told, stop } = begin(t, {}, 3);
  await settled();
  assert.deepEqual(told.splice(0), ["sweep", `info swept ${summary(3)}`]);
  t.mock.timers.tick(intervalMs - 1);
  await settled();
  assert.deepEqual(told, []);
  t.mock.timers.tick(1);
  await settled();
  assert.deepEqual(told.splice(0), ["repair", "sweep", `debug swept ${summary(0)}`]);
  await stop();
  t.mock.timers.tick(intervalMs);
  await settled();
  assert.deepEqual(told, []);
});

test("S3: a sweep at an interval that found something is told of", async (t) => {
  const found = [nothing, { ...nothing, adopted: 1, workers: 2, failed: 3 }];
  const { told, stop } = begin(t, { sweep: async () => found.shift() ?? nothing });
  await settled();
  t.mock.timers.tick(intervalMs);
  await settled();
  assert.equal(told.at(-1), `info swept ${summary(1, 2, 3)}`);
  await stop();
});

test("S3: a sweep that fails is logged and tried again, with its count of what was adopted before", async (t) => {
  let failing = true;
  const sweep = async () => {
    if (failing) throw new Error("no containerd");
    return nothing;
  };
  const { told, stop } = begin(t, { sweep }, 2);
  await settled();
  failing = false;
  t.mock.timers.tick(intervalMs);
  await settled();
  assert.deepEqual(told, ["error the sweep failed no containerd", "repair", `info swept ${summary(2)}`]);
  await stop();
});

test("S3: a sweep that hangs is broken off well before five minutes, and the next one begins", async (t) => {
  let sweeps = 0;
  let broken = 0;
  const sweep = (signal: AbortSignal) => {
    sweeps += 1;
    signal.addEventListener("abort", () => {
      broken += 1;
    });
    return new Promise<never>(() => undefined);
  };
  const { told, stop } = begin(t, { sweep });
  await settled();
  t.mock.timers.tick(4 * 60_000);
  await settled();
  assert.deepEqual([sweeps, broken], [1, 1]);
  assert.match(told[0] ?? "", /took more than 240 s/);
  t.mock.timers.tick(intervalMs);
  await settled();
  assert.equal(sweeps, 2);
  await stop();
  assert.equal(broken, 2);
});
