import type { Clock } from "../pool/clock.ts";
import { LambdaError } from "./errors.ts";

/** An answer that is still to come. */
export interface PendingReply {
  /** Whether a worker may have read the request. */
  readonly handedOn: boolean;
  /** Its connection takes no further request. */
  closeAfter(): void;
  /** Ends with an error in place of the answer. */
  giveUp(error: LambdaError): void;
}

/** Which answers are still to come, and how they end when the gateway does (S4). */
export class Drain {
  readonly #clock: Pick<Clock, "after">;
  readonly #pending = new Set<PendingReply>();
  readonly #empty = Promise.withResolvers<void>();
  #leaving = false;
  #stopping = false;
  #ended = false;

  constructor(clock: Pick<Clock, "after">) {
    this.#clock = clock;
  }

  /** Whether every answer is to be the last of its connection. */
  get stopping(): boolean {
    return this.#leaving;
  }

  /** The end is near: requests are admitted still. */
  leave(): void {
    this.#leaving = true;
    for (const reply of this.#pending) reply.closeAfter();
  }

  /** Admits a request, until what is returned is disposed. @throws LambdaError once the gateway is stopping */
  enter(reply: PendingReply): Disposable {
    return this.#enter(reply, this.#stopping);
  }

  /**
   * Admits a request of a function, also while others are waited for: one of these may be what waits for it.
   * @throws LambdaError once nobody is waited for any more
   */
  enterNested(reply: PendingReply): Disposable {
    return this.#enter(reply, this.#ended || (this.#stopping && this.#pending.size === 0));
  }

  #enter(reply: PendingReply, refused: boolean): Disposable {
    if (refused) {
      reply.closeAfter();
      throw stopped("The gateway is stopping; the function was not invoked");
    }
    this.#pending.add(reply);
    return {
      [Symbol.dispose]: () => {
        this.#pending.delete(reply);
        if (this.#stopping && this.#pending.size === 0) this.#empty.resolve();
      },
    };
  }

  /**
   * Admits nobody any more, and waits for those who are there.
   * @param withinMs after this long the rest is answered 503. @returns how many those were
   */
  async finish(withinMs: number): Promise<number> {
    this.leave();
    this.#stopping = true;
    if (this.#pending.size === 0) return 0;
    const timeUp = Promise.withResolvers<void>();
    const cancel = this.#clock.after(withinMs, timeUp.resolve);
    await Promise.race([this.#empty.promise, timeUp.promise]);
    cancel();
    this.#ended = true;
    const rest = [...this.#pending];
    for (const reply of rest) {
      const what = reply.handedOn
        ? "The gateway stopped before the function had answered; it may have run, or still run"
        : "The gateway stopped before a worker was free; the function was not invoked";
      reply.giveUp(stopped(what));
    }
    return rest.length;
  }
}

function stopped(message: string): LambdaError {
  return new LambdaError("ServiceException", message, { status: 503, retryAfterSeconds: 1 });
}
