import type { Clock } from "./clock.ts";
import { Refusal } from "./errors.ts";
import type { QueueBudget } from "./queue-budget.ts";

/** A place in a queue. */
export interface Waiting<T> {
  readonly turn: Promise<T>;
  /** Gives the place up, unless the turn has come; `turn` then rejects with `why`, or a Refusal `left`. */
  leave(why?: Error): void;
}

/** Who joins a queue. */
export interface Arrival {
  /** Has had a turn that came to nothing: is not turned away for want of room. */
  readonly again?: boolean;
  /** What it keeps in memory while it waits. */
  readonly bytes?: number;
}

interface Entry<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
  readonly release: () => void;
}

export interface WaitQueueOptions {
  /** How many may wait. */
  readonly limit: number;
  /** How long each may wait, in milliseconds. */
  readonly timeoutMs: number;
  readonly budget: QueueBudget;
  readonly clock: Clock;
  /** Called when somebody has left or run out of time. */
  readonly onDeparture: () => void;
}

/** First come, first served; bounded in length, in bytes and in time. */
export class WaitQueue<T> {
  readonly #options: WaitQueueOptions;
  readonly #entries = new Set<Entry<T>>();

  constructor(options: WaitQueueOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#entries.size;
  }

  /**
   * @param refuse is given a way to turn away just this one, while it waits
   * @throws Refusal `queue-full`
   */
  join(arrival: Arrival = {}, refuse?: (turnAway: (error: unknown) => void) => void): Waiting<T> {
    const { limit, timeoutMs, clock, onDeparture } = this.#options;
    const giveBack = this.#admit(arrival, limit);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const depart = (error: unknown) => {
      if (!this.#entries.delete(entry)) return;
      entry.release();
      reject(error);
      onDeparture();
    };
    const cancelDeadline = clock.after(timeoutMs, () => {
      depart(new Refusal("queue-timeout", `no worker was free within ${timeoutMs} ms`));
    });
    const release = () => {
      cancelDeadline();
      giveBack?.();
    };
    const entry: Entry<T> = { resolve, reject, release };
    this.#entries.add(entry);
    refuse?.(depart);
    return { turn: promise, leave: (why = new Refusal("left", "the client has gone")) => depart(why) };
  }

  /** Gives the first in line its turn. */
  serve(value: T): void {
    this.#shift()?.resolve(value);
  }

  /** Sends all home that wait now. */
  rejectAll(error: unknown): void {
    for (let entry = this.#shift(); entry !== undefined; entry = this.#shift()) entry.reject(error);
  }

  #admit({ again = false, bytes = 0 }: Arrival, limit: number): (() => void) | undefined {
    if (!again && this.#entries.size >= limit) {
      throw new Refusal("queue-full", `${limit} requests are waiting already`);
    }
    const giveBack = this.#options.budget.take(bytes);
    if (giveBack === undefined && !again) {
      throw new Refusal("queue-full", "the events of the waiting requests take all the memory they may");
    }
    return giveBack;
  }

  #shift(): Entry<T> | undefined {
    const [entry] = this.#entries;
    if (entry === undefined) return undefined;
    this.#entries.delete(entry);
    entry.release();
    return entry;
  }
}
