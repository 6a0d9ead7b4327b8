import type { TestEsb } from "../../support/esb.ts";
import type { FunctionsFile } from "../functions.ts";
import type { Journal } from "../journal.ts";
import type { Random } from "../plan.ts";

/** What actions work on. */
export interface World {
  readonly esb: TestEsb;
  readonly journal: Journal;
  readonly file: FunctionsFile;
}

/** What only one action at a time may touch. */
export const targets = ["agent", "gateway", "runtimeApi", "containerd", "workers", "network", "functions"] as const;
export type Target = (typeof targets)[number];

/** Brings back what an action took away. */
export type Undo = () => Promise<void>;

export interface Action {
  readonly name: string;
  /** How many cards of the deck it has. */
  readonly weight: number;
  readonly targets: readonly Target[];
  /** Least and most time between act and undo. */
  readonly lastsMs: readonly [least: number, most: number];
  act(world: World, random: Random): Promise<Undo | undefined>;
}

/** One of them; undefined when there are none. */
export function oneOf<T>(items: readonly T[], random: Random): T | undefined {
  return items[random(items.length)];
}
