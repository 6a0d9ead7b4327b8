import { delay } from "../../common/delay.ts";
import type { Logger } from "../../common/logger.ts";
import type { SweepSummary } from "./sweep.ts";

export interface SweeperOptions {
  /** Puts the host's side of the network right where somebody changed it. */
  readonly repair: (signal: AbortSignal) => Promise<void>;
  readonly sweep: (signal: AbortSignal) => Promise<SweepSummary>;
  readonly intervalMs: number;
  readonly logger: Pick<Logger, "debug" | "info" | "error">;
}

/** S3 allows five minutes; a sweep that takes this long hangs. */
const sweepTimeoutMs = 4 * 60 * 1000;

/** Sweeps when the agent begins to serve, and from then on at intervals (S3). */
export class Sweeper {
  readonly #options: SweeperOptions;

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  /**
   * Runs until the signal aborts; a sweep that fails is logged, and the next one tries again.
   * @param adopted workers that were taken on before the first sweep
   */
  async run(adopted: number, signal: AbortSignal): Promise<void> {
    const { logger, intervalMs } = this.#options;
    let before = adopted;
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      try {
        await this.#sweep(isFirst, before, signal);
        before = 0;
      } catch (error) {
        if (!signal.aborted) logger.error({ err: error, retryInMs: intervalMs }, "the sweep failed");
      }
      await delay(intervalMs, signal);
    }
  }

  async #sweep(isFirst: boolean, adopted: number, signal: AbortSignal): Promise<void> {
    const { repair, sweep, logger } = this.#options;
    const begun = performance.now();
    const summary = await limited(signal, async (bounded) => {
      // The first comes right behind the agent's own preparation. Without it there is no sweep: a worker that could be
      // given back its network must not be taken for lost.
      if (!isFirst) await repair(bounded);
      return sweep(bounded);
    });
    const { adopted: found, failed, ...removed } = summary;
    const fields = { adopted: adopted + found, removed, failed, ms: Math.round(performance.now() - begun) };
    const isNews = isFirst || adopted > 0 || Object.values(summary).some((count) => count > 0);
    logger[isNews ? "info" : "debug"](fields, "swept");
  }
}

/** Work that is broken off, and not waited for, when it takes too long or the signal aborts. */
async function limited<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const hanging = new AbortController();
  const error = new Error(`it took more than ${sweepTimeoutMs / 1000} s and was broken off`);
  const timer = setTimeout(() => hanging.abort(error), sweepTimeoutMs);
  const bounded = AbortSignal.any([signal, hanging.signal]);
  const broken = Promise.withResolvers<never>();
  const onAbort = () => broken.reject(bounded.reason);
  bounded.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work(bounded), broken.promise]);
  } finally {
    clearTimeout(timer);
    bounded.removeEventListener("abort", onAbort);
  }
}
