import PQueue from "p-queue";
import type { StartGuard } from "./start-guard.ts";

/** Whether somebody waits for the worker, or it is only to be there. */
export type StartPriority = "request" | "min";

const priorities: Readonly<Record<StartPriority, number>> = { request: 1, min: 0 };

/** How many of all places one function may hold: never all, so that one function's flood leaves room for others. */
export function placesPerFunction(places: number): number {
  return Math.max(1, places - 1);
}

/** Lets so many workers start at the same time, over all functions; the others wait, those for requests first. */
export class Starts {
  readonly #all: PQueue;
  readonly #perFunction: number;
  readonly #guard: StartGuard;
  /** A function's starts wait here until it may have one more place, so that they never fill the common queue. */
  readonly #own = new Map<string, PQueue>();

  /**
   * @param places starts at the same time
   * @param guard asked when a function's own turn has come: those before may have failed by then
   */
  constructor(places: number, guard: StartGuard) {
    this.#guard = guard;
    this.#all = new PQueue({ concurrency: places });
    this.#perFunction = placesPerFunction(places);
  }

  /** How many run or wait. */
  get size(): number {
    let size = 0;
    for (const own of this.#own.values()) size += own.size + own.pending;
    return size;
  }

  /** @param signal takes it out of the queue. @throws its reason, or what `start` or the guard throws */
  async run<T>(
    functionName: string,
    priority: StartPriority,
    signal: AbortSignal,
    start: () => Promise<T>,
  ): Promise<T> {
    const own = this.#own.get(functionName) ?? new PQueue({ concurrency: this.#perFunction });
    this.#own.set(functionName, own);
    const options = { priority: priorities[priority], signal };
    try {
      // Who waits at the guard holds a place of its own function only.
      return await own.add(() => this.#guard.run(functionName, () => this.#all.add(start, options), signal), options);
    } finally {
      if (own.size === 0 && own.pending === 0 && this.#own.get(functionName) === own) this.#own.delete(functionName);
    }
  }
}
