import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleAll } from "cockatiel";
import type { Clock } from "../pool/clock.ts";
import { restMs } from "./backoff.ts";
import { StartsSuspended } from "./suspended.ts";

/** Starts that fail in a row until no more are tried for a while. */
const mostFailures = 3;

export interface BreakerOptions {
  readonly clock: Pick<Clock, "now">;
  /** Whether an error of a start counts; other errors say nothing of the function, neither good nor bad. */
  readonly counts: (error: unknown) => boolean;
  readonly onOpen: (lastError: unknown, restMs: number) => void;
  readonly onClose: () => void;
}

/** `trying`: the rest is over, and the next start decides, or is under way. */
export type BreakerState = "closed" | "trying" | "open";

/** Keeps a function that cannot start from being started again and again. */
export class Breaker {
  readonly #options: BreakerOptions;
  /**
   * Counts and decides. Of time it must know nothing, so its own rest is over at once: it reads the wall clock, which
   * may be set back by years on a machine without a battery.
   */
  readonly #circuit = circuitBreaker(handleAll, {
    breaker: new ConsecutiveBreaker(mostFailures),
    halfOpenAfter: Number.NEGATIVE_INFINITY,
  });
  #lastError: unknown;
  /** How many times it has opened since it was closed. */
  #openings = 0;
  #restUntilMs = 0;
  #trial: Promise<unknown> | undefined;

  constructor(options: BreakerOptions) {
    this.#options = options;
    this.#circuit.onBreak(() => this.#onBreak());
    this.#circuit.onReset(() => {
      this.#openings = 0;
      options.onClose();
    });
  }

  get state(): BreakerState {
    if (this.#circuit.state === CircuitState.Closed) return "closed";
    return this.#restsForMs() > 0 ? "open" : "trying";
  }

  /**
   * Runs a start, unless it rests. After a rest one start is tried, and others wait for what becomes of it.
   * @throws StartsSuspended while it rests; else what the start throws
   */
  async run<T>(start: () => Promise<T>): Promise<T> {
    while (this.#trial !== undefined) await this.#trial;
    if (this.state === "closed") return this.#observe(start);
    const waitMs = this.#restsForMs();
    if (waitMs > 0) throw new StartsSuspended(waitMs, this.#lastError);
    const started = this.#observe(start);
    this.#trial = started.then(
      () => this.#endTrial(),
      () => this.#endTrial(),
    );
    return started;
  }

  async #observe<T>(start: () => Promise<T>): Promise<T> {
    const openings = this.#openings;
    try {
      const started = await start();
      await this.#circuit.execute(() => undefined);
      return started;
    } catch (error) {
      // One that began before it opened says nothing new: it must not make the rest longer.
      if (this.#options.counts(error) && this.#openings === openings) await this.#record(error);
      throw error;
    }
  }

  async #record(error: unknown): Promise<void> {
    this.#lastError = error;
    await this.#circuit.execute(() => Promise.reject(error)).catch(() => undefined);
  }

  #onBreak(): void {
    this.#openings++;
    const forMs = restMs(this.#openings);
    this.#restUntilMs = this.#options.clock.now() + forMs;
    if (this.#openings === 1) this.#options.onOpen(this.#lastError, forMs);
  }

  #restsForMs(): number {
    return this.#restUntilMs - this.#options.clock.now();
  }

  #endTrial(): void {
    this.#trial = undefined;
  }
}
