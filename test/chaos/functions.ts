import { rename, writeFile } from "node:fs/promises";
import { stringify } from "yaml";
import { probeImage, staticExtensionImage, staticRuntimeImage, staticServerImage } from "../support/images.ts";
import type { Demand } from "./plan.ts";

/** A function as it stands in functions.yml. */
export interface FunctionEntry {
  readonly image: string;
  readonly memory: number;
  readonly timeout: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly concurrency?: { readonly min?: number; readonly max?: number };
  readonly idle?: { readonly freezeAfterMs?: number; readonly destroyAfterMinutes?: number };
}

/** Seconds; longer than anything that the chaos stops, so that no function is ever overdue of itself. */
const timeout = 20;
const entry = (image: string, memory: number, rest: Partial<FunctionEntry> = {}): FunctionEntry => ({
  image,
  memory,
  timeout,
  environment: { ECHO: "named", VERSION: "1" },
  ...rest,
});

/** What stands in functions.yml when a run begins. */
export const firstFunctions: Readonly<Record<string, FunctionEntry>> = {
  quick: entry(staticServerImage, 256, { concurrency: { max: 3 } }),
  kept: entry(staticServerImage, 128, { concurrency: { min: 1, max: 4 }, idle: { freezeAfterMs: 200 } }),
  "twin-a": entry(staticServerImage, 128),
  "twin-b": entry(staticServerImage, 128),
  large: entry(staticServerImage, 256, { concurrency: { max: 2 } }),
  rare: entry(staticServerImage, 128, { idle: { freezeAfterMs: 0 } }),
  fleeting: entry(staticServerImage, 128, { idle: { freezeAfterMs: 100, destroyAfterMinutes: 0.02 } }),
  slow: entry(probeImage, 512, { concurrency: { max: 4 } }),
  lingering: entry(probeImage, 512, { concurrency: { max: 3 } }),
  crashing: entry(probeImage, 512, { concurrency: { max: 2 } }),
  greedy: entry(probeImage, 128, { concurrency: { max: 2 } }),
  polling: entry(staticRuntimeImage, 128, { concurrency: { max: 3 } }),
  "polling-kept": entry(staticRuntimeImage, 128, { concurrency: { min: 1, max: 2 }, idle: { freezeAfterMs: 0 } }),
  "polling-slow": entry(staticRuntimeImage, 128, { concurrency: { max: 3 } }),
  extended: entry(staticExtensionImage, 128, { concurrency: { max: 2 }, idle: { freezeAfterMs: 0 } }),
};

/** Functions that get their invocations from the Runtime API, so that their workers end with the process that serves it. */
export const polling: readonly string[] = Object.keys(firstFunctions).filter((name) =>
  [staticRuntimeImage, staticExtensionImage].includes(firstFunctions[name]?.image ?? ""),
);

/** Whose a worker is, by its id. */
export function functionOf(worker: string): string {
  return worker.slice(0, worker.lastIndexOf("-"));
}

/** In functions.yml at some times and not at others. */
export const guest = "guest";
export const guestEntry = entry(staticServerImage, 128);

/** About 90 requests a second in all. */
export const demands: readonly Demand[] = [
  { function: "quick", rate: 22, ops: [{ op: "introduce" }] },
  { function: "kept", rate: 18, ops: [{ op: "introduce" }] },
  { function: "twin-a", rate: 8, ops: [{ op: "introduce" }] },
  { function: "twin-b", rate: 8, ops: [{ op: "introduce" }] },
  { function: "large", rate: 4, ops: [{ op: "introduce", mostFiller: 200_000 }] },
  { function: "rare", rate: 2, ops: [{ op: "introduce" }] },
  { function: "fleeting", rate: 0.5, ops: [{ op: "introduce" }] },
  { function: "slow", rate: 3, ops: [{ op: "introduce", mostMs: 400 }] },
  // Longer than a gateway that is killed takes to come back (G6).
  { function: "lingering", rate: 0.7, ops: [{ op: "introduce", mostMs: 5000 }] },
  {
    function: "crashing",
    rate: 3,
    ops: [...Array(14).fill({ op: "introduce", mostMs: 50 }), { op: "exit" }],
  },
  {
    function: "greedy",
    rate: 2,
    ops: [...Array(14).fill({ op: "introduce" }), { op: "allocate", mib: 400 }],
  },
  { function: "polling", rate: 8, ops: [{ op: "introduce", mostMs: 30 }] },
  { function: "polling-kept", rate: 4, ops: [{ op: "introduce" }] },
  {
    function: "polling-slow",
    rate: 2,
    ops: [...Array(14).fill({ op: "introduce", mostMs: 1000 }), { op: "exit" }],
  },
  { function: "extended", rate: 2, ops: [{ op: "introduce", mostMs: 30 }] },
  { function: guest, rate: 2, ops: [{ op: "introduce" }] },
];

/** When what stood in functions.yml. */
interface Edition {
  readonly fromMs: number;
  readonly functions: Readonly<Record<string, FunctionEntry>>;
}

/** functions.yml and its history. */
export class FunctionsFile {
  readonly #path: string;
  readonly #now: () => number;
  readonly #editions: Edition[];

  constructor(path: string, now: () => number) {
    this.#path = path;
    this.#now = now;
    this.#editions = [{ fromMs: 0, functions: firstFunctions }];
  }

  get functions(): Readonly<Record<string, FunctionEntry>> {
    return this.#editions.at(-1)?.functions ?? {};
  }

  async change(functions: Readonly<Record<string, FunctionEntry>>): Promise<void> {
    this.#editions.push({ fromMs: this.#now(), functions });
    await this.#put(textOf(functions));
  }

  /** A file that the gateway must refuse; what held before goes on holding. */
  async break(): Promise<void> {
    await this.#put("functions: { quick: { image: 5, ");
  }

  async mend(): Promise<void> {
    await this.#put(textOf(this.functions));
  }

  /** What may have held for a function between two moments; undefined stands for its absence. */
  held(name: string, fromMs: number, toMs: number): (FunctionEntry | undefined)[] {
    return this.#editions
      .filter((edition, index) => edition.fromMs <= toMs && (this.#editions[index + 1]?.fromMs ?? Infinity) >= fromMs)
      .map(({ functions }) => functions[name]);
  }

  async #put(text: string): Promise<void> {
    await writeFile(`${this.#path}.new`, text);
    await rename(`${this.#path}.new`, this.#path);
  }
}

export function textOf(functions: Readonly<Record<string, FunctionEntry>>): string {
  return stringify({ functions });
}
