import { setTimeout as delay } from "node:timers/promises";
import { numbersFrom } from "../support/random.ts";
import type { Action, Target, World } from "./actions/action.ts";
import type { PlannedAction } from "./plan.ts";

/** How long after its moment an action may still begin. */
const mostLateMs = 5000;

/**
 * Does what was planned, each action at its moment or as soon as its targets are free; what is begun is undone, also
 * when the signal ends it all early. Actions on different targets overlap. One whose turn comes too late is left out:
 * what takes long to come back on a busy machine would be ended again as soon as it is there.
 */
export async function unleash(
  plan: readonly PlannedAction[],
  table: readonly Action[],
  world: World,
  locks: Locks,
  signal: AbortSignal,
): Promise<void> {
  const { journal } = world;
  const beganMs = journal.now();
  const running: Promise<void>[] = [];
  for (const planned of plan) {
    await delay(Math.max(0, beganMs + planned.atMs - journal.now()), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) break;
    const action = table.find(({ name }) => name === planned.name);
    if (action === undefined) continue;
    const work = async () => {
      if (journal.now() - beganMs - planned.atMs < mostLateMs) await perform(action, planned.seed, world);
      else journal.count("left out, too late");
    };
    running.push(locks.hold(action.targets, work));
  }
  await Promise.all(running);
}

async function perform(action: Action, seed: number, world: World): Promise<void> {
  const { journal } = world;
  const random = numbersFrom(seed);
  const [least, most] = action.lastsMs;
  const lastsMs = least + random(most - least);
  const end = journal.begin(action.name);
  journal.note(`-- ${action.name}`);
  try {
    const undo = await action.act(world, random);
    journal.count(action.name);
    if (undo === undefined) return;
    await delay(lastsMs);
    await undo();
    journal.note(`   ${action.name} is over`);
  } catch (error) {
    journal.violate(`${action.name} failed: ${error instanceof Error ? error.stack : String(error)}`);
  } finally {
    end();
  }
}

/** Who works on what: one at a time on each target, in the order in which they came. */
export class Locks {
  readonly #tails = new Map<Target, Promise<void>>();
  readonly #held = new Set<Target>();

  held(target: Target): boolean {
    return this.#held.has(target);
  }

  async hold(wanted: readonly Target[], work: () => Promise<void>): Promise<void> {
    const before = wanted.map((target) => this.#tails.get(target));
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const target of wanted) this.#tails.set(target, promise);
    await Promise.all(before);
    for (const target of wanted) this.#held.add(target);
    try {
      await work();
    } finally {
      for (const target of wanted) this.#held.delete(target);
      resolve();
    }
  }
}
