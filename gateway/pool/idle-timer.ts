import type { Clock } from "./clock.ts";
import { type IdleLimits, type IdleStep, nextIdleStep } from "./policy.ts";

export interface IdleTimerOptions {
  readonly clock: Clock;
  readonly limits: () => IdleLimits;
  /** Whether the worker idles now and is frozen already; undefined when it does not idle. */
  readonly frozen: () => boolean | undefined;
  readonly onStep: (action: IdleStep["action"]) => void;
}

/**
 * Tells when a worker has idled long enough. A timer that runs already is left to run and looks again when it fires, so
 * that a busy worker does not set and clear one for each request.
 */
export class IdleTimer {
  readonly #options: IdleTimerOptions;
  #sinceMs = 0;
  #dueMs = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(options: IdleTimerOptions) {
    this.#options = options;
  }

  /** Since when the worker idles, by the clock. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** The worker idles from now on, or has for so long; nothing is due before the next `rearm`. */
  begin(idledMs = 0): void {
    this.#sinceMs = this.#options.clock.now() - idledMs;
  }

  restart(idledMs = 0): void {
    this.begin(idledMs);
    this.rearm();
  }

  /** The worker's state has changed, the time since it was used has not. @param leastMs wait at least so long */
  rearm(leastMs = 0): void {
    const frozen = this.#options.frozen();
    if (frozen === undefined) return;
    const nowMs = this.#options.clock.now();
    const step = nextIdleStep(nowMs - this.#sinceMs, frozen, this.#options.limits());
    const inMs = Math.max(step.inMs, leastMs);
    if (inMs === 0) {
      this.#options.onStep(step.action);
      return;
    }
    if (this.#dueMs <= nowMs + inMs && leastMs === 0) return;
    this.stop();
    this.#dueMs = nowMs + inMs;
    this.#cancel = this.#options.clock.after(inMs, () => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      this.#cancel = undefined;
      this.rearm();
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#dueMs = Number.POSITIVE_INFINITY;
  }
}
