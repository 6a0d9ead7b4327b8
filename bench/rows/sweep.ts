import { setTimeout as delay } from "node:timers/promises";
import type { TestEsb } from "../../test/support/esb.ts";
import { shimsOf } from "../../test/support/shims.ts";
import { type Row, timed } from "../samples.ts";
import { owner, staticFunction } from "../setting.ts";

/** As many as are made at the same time. */
const startsAtOnce = 4;
const goalMs = 5000;

/**
 * What an agent takes, from its own start, until it has removed the remains of workers that ended while it was away:
 * containers, snapshots, networks, logs and control groups of all of them (S3).
 */
export async function sweep(esb: TestEsb, count = 200): Promise<Row> {
  const slots = Array.from({ length: count }, (_, slot) => slot);
  const make = async () => {
    for (let slot = slots.shift(); slot !== undefined; slot = slots.shift()) {
      await esb.workers.ensure({ function: staticFunction("swept"), slot, owner });
    }
  };
  await Promise.all(Array.from({ length: startsAtOnce }, make));
  await esb.agent.stop("SIGKILL");
  const adoptedMs = await timed(async () => {
    await esb.agent.start();
    await esb.agentReady(60_000);
  });
  await esb.agent.stop("SIGKILL");
  for (const { workers } of await shimsOf(esb)) for (const pid of workers) process.kill(pid, "SIGKILL");
  const sweptMs = await timed(async () => {
    await esb.agent.start();
    while ((await esb.ctr("containers", "ls", "-q")).trim() !== "") await delay(50);
  });
  return {
    name: "sweep",
    what: `start of the agent until the remains of ${count} workers are removed`,
    against: "",
    unit: "ms",
    ours: [sweptMs],
    reference: [],
    goal: `≤ ${goalMs}`,
    value: sweptMs,
    reached: sweptMs <= goalMs,
    note: `with ${count} workers that run, it serves after ${adoptedMs.toFixed(0)} ms`,
  };
}
