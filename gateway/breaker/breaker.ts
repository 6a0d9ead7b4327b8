import { EventEmitter, once } from "node:events";
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
  readonly #failures = new ConsecutiveBreaker(mostFailures);
  /**
   * Counts and decides. Of time it must know nothing, so its own rest is over at once: it reads the wall clock, which
   * may be set back by years on a machine without a battery.
   */
  readonly #circuit = circuitBreaker(handleAll, {
    breaker: this.#failures,
    halfOpenAfter: Number.NEGATIVE_INFINITY,
  });
  #lastError: unknown;
  /** How many times it has opened since it was closed. */
  #openings = 0;
  #restUntilMs = 0;
  #underWay = 0;
  readonly #ends = new EventEmitter().setMaxListeners(0);

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
   * Runs a start, unless they rest. From the first failure until the next success they are tried one at a time, and the
   * others wait for what becomes of it.
   * @throws StartsSuspended while they rest; else what the start throws, or an AbortError of the signal
   */
  async run<T>(start: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      const waitMs = this.#circuit.state === CircuitState.Closed ? 0 : this.#restsForMs();
      if (waitMs > 0) throw new StartsSuspended(waitMs, this.#lastError);
      if (this.#failures.state === 0 || this.#underWay === 0) break;
      await once(this.#ends, "end", { signal });
    }
    this.#underWay++;
    try {
      return await this.#observe(start);
    } finally {
      this.#underWay--;
      this.#ends.emit("end");
    }
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
}
