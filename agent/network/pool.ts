import type { After } from "./managed.ts";

export interface PoolConfig<T> {
  /** How many are kept ready. */
  readonly size: number;
  /** Time between a `take` and the refill, so that the refill does not compete with the start that took. */
  readonly refillDelayMs: number;
  readonly make: (signal: AbortSignal) => Promise<T>;
  readonly after: After;
  readonly onFailure: (error: unknown, retryInMs: number) => void;
}

/** Things made ahead of need, one after the other, in the background. */
export interface Pool<T> {
  /** The oldest that is ready; undefined when none is. Nothing comes back. */
  take(): T | undefined;
  /** Waits for what is being made now, however that ends. */
  settled(): Promise<void>;
  /** Fills up, a little later. */
  refill(): void;
  /** Stops filling and waits for what is being made. @returns what was left */
  close(): Promise<T[]>;
}

/** Time until the next attempt, doubled with each failure in a row. */
export function retryDelayMs(failuresInARow: number): number {
  return Math.min(60_000, 1000 * 2 ** (failuresInARow - 1));
}

export function createPool<T>(config: PoolConfig<T>): Pool<T> {
  const ready: T[] = [];
  const closing = new AbortController();
  let failures = 0;
  let cancel: (() => void) | undefined;
  let filling: Promise<void> | undefined;

  function schedule(delayMs: number): void {
    if (closing.signal.aborted || cancel !== undefined || filling !== undefined || ready.length >= config.size) return;
    cancel = config.after(delayMs, () => {
      cancel = undefined;
      filling = fill().finally(() => {
        filling = undefined;
        if (failures > 0) schedule(retryDelayMs(failures));
        else schedule(config.refillDelayMs);
      });
    });
  }

  async function fill(): Promise<void> {
    while (ready.length < config.size && !closing.signal.aborted) {
      try {
        ready.push(await config.make(closing.signal));
        failures = 0;
      } catch (error) {
        if (closing.signal.aborted) return;
        failures += 1;
        config.onFailure(error, retryDelayMs(failures));
        return;
      }
    }
  }

  return {
    take() {
      const taken = ready.shift();
      schedule(config.refillDelayMs);
      return taken;
    },
    settled: async () => filling,
    refill: () => schedule(config.refillDelayMs),
    async close() {
      closing.abort();
      cancel?.();
      await filling;
      return ready.splice(0);
    },
  };
}
