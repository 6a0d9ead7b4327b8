import PQueue from "p-queue";
import { LambdaError } from "../http/errors.ts";

export interface EventQueueLimits {
  /** How many events of all functions there may be, those that run among them. */
  readonly events: number;
  /** How much they may take together. */
  readonly bytes: number;
}

/** Of one function. */
interface Line {
  readonly queue: PQueue;
  /** Waiting and running. */
  events: number;
}

/**
 * Events that nobody waits for, in memory until they have run: first come, first served for each function. No more of
 * them ask for a worker than the function may have, so that those whose callers wait are not crowded out.
 */
export class EventQueue {
  readonly #limits: EventQueueLimits;
  readonly #lines = new Map<string, Line>();
  #events = 0;
  #bytes = 0;

  constructor(limits: EventQueueLimits) {
    this.#limits = limits;
  }

  /**
   * @param atOnce how many of the function's events may run at the same time
   * @param work must not reject
   * @throws LambdaError TooManyRequestsException
   */
  add(functionName: string, atOnce: number, bytes: number, work: () => Promise<void>): void {
    if (this.#events >= this.#limits.events) throw full(`${this.#events} events are waiting already`);
    if (this.#bytes + bytes > this.#limits.bytes) throw full("the waiting events take all the memory they may");
    this.#events++;
    this.#bytes += bytes;
    const line = this.#lines.get(functionName) ?? { queue: new PQueue(), events: 0 };
    this.#lines.set(functionName, line);
    line.events++;
    line.queue.concurrency = atOnce;
    void line.queue.add(work).finally(() => {
      this.#events--;
      this.#bytes -= bytes;
      line.events--;
      if (line.events === 0) this.#lines.delete(functionName);
    });
  }
}

function full(why: string): LambdaError {
  const options = { retryAfterSeconds: 1, reason: "FunctionInvocationRateLimitExceeded" } as const;
  return new LambdaError("TooManyRequestsException", `Rate Exceeded: ${why}`, options);
}
