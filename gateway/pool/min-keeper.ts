import type { Clock } from "./clock.ts";
import { restoreAfterMs } from "./policy.ts";

/** A worker that ends sooner than this after its start has not come to stay. */
const quickMs = 10_000;

/** When a function's `min` is restored: at once, and after failures in a row ever later. */
export class MinKeeper {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #failedStarts = 0;
  #quickLosses = 0;
  #cancel: (() => void) | undefined;

  /** @param onDue called when restoring is allowed again */
  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  get mayRestore(): boolean {
    return this.#cancel === undefined;
  }

  onStarted(): void {
    this.#failedStarts = 0;
  }

  onFailed(): void {
    if (this.#cancel === undefined) this.#failedStarts++;
    this.#hold();
  }

  onLost(livedMs: number): void {
    this.#quickLosses = livedMs < quickMs ? this.#quickLosses + 1 : 0;
    this.#hold();
  }

  /** What has been so far counts for nothing: the function has changed, or the agent is back. */
  forgive(): void {
    this.#failedStarts = 0;
    this.#quickLosses = 0;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #hold(): void {
    const ms = restoreAfterMs(this.#failedStarts, this.#quickLosses);
    if (ms === 0 || this.#cancel !== undefined) return;
    this.#cancel = this.#clock.after(ms, () => {
      this.#cancel = undefined;
      this.#onDue();
    });
  }
}
