import type { Clock } from "./clock.ts";
import { Refusal } from "./errors.ts";

/** A place in a queue. */
export interface Waiting<T> {
  readonly turn: Promise<T>;
  /** Gives the place up; `turn` then rejects with a Refusal `left`. */
  leave(): void;
}

interface Entry<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
  readonly cancelDeadline: () => void;
}

export interface WaitQueueOptions {
  /** How many may wait. */
  readonly limit: number;
  /** How long each may wait, in milliseconds. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Called when somebody has left or run out of time. */
  readonly onDeparture: () => void;
}

/** First come, first served; bounded in length and in time. */
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
   * @param beyondLimit for one who has had a turn that came to nothing
   * @throws Refusal `queue-full`
   */
  join(beyondLimit = false): Waiting<T> {
    const { limit, timeoutMs, clock, onDeparture } = this.#options;
    if (!beyondLimit && this.#entries.size >= limit) {
      throw new Refusal("queue-full", `${limit} requests are waiting already`);
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const depart = (refusal: Refusal) => {
      if (!this.#entries.delete(entry)) return;
      entry.cancelDeadline();
      reject(refusal);
      onDeparture();
    };
    const cancelDeadline = clock.after(timeoutMs, () => {
      depart(new Refusal("queue-timeout", `no worker was free within ${timeoutMs} ms`));
    });
    const entry: Entry<T> = { resolve, reject, cancelDeadline };
    this.#entries.add(entry);
    return { turn: promise, leave: () => depart(new Refusal("left", "the client has gone")) };
  }

  /** Gives the first in line its turn. */
  serve(value: T): void {
    this.#shift()?.resolve(value);
  }

  /** Sends all home that wait now. */
  rejectAll(error: unknown): void {
    for (let entry = this.#shift(); entry !== undefined; entry = this.#shift()) entry.reject(error);
  }

  #shift(): Entry<T> | undefined {
    const [entry] = this.#entries;
    if (entry === undefined) return undefined;
    this.#entries.delete(entry);
    entry.cancelDeadline();
    return entry;
  }
}
