import type { TestEsb } from "../../test/support/esb.ts";
import { containerdOf } from "../../test/support/leftovers.ts";
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
    const removed = removals(esb, count);
    await esb.agent.start();
    await removed;
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

/** Waits for so many containers to be removed: told by events, since asking takes some of what is measured. */
async function removals(esb: TestEsb, count: number): Promise<void> {
  using client = containerdOf(esb);
  const filters = [`namespace==${esb.namespace},topic=="/containers/delete"`];
  let left = count;
  for await (const _ of client.events.subscribe({ filters })) {
    left -= 1;
    if (left === 0) return;
  }
  throw new Error(`containerd ended its events with ${left} containers left`);
}
