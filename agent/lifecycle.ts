import { delay } from "../common/delay.ts";
import type { Logger } from "../common/logger.ts";
import { AgentError } from "./errors.ts";
import type { Sweeper } from "./recovery/sweeper.ts";
import { followEvents } from "./workers/follow.ts";
import type { WorkerRuntime } from "./workers/runtime.ts";
import type { WorkerService } from "./workers/service.ts";

export interface LifecycleOptions {
  /** Makes ready what workers need, from containerd's namespace to the bridge; may be called again after a failure. */
  readonly prepare: (signal: AbortSignal) => Promise<void>;
  readonly runtime: WorkerRuntime;
  readonly workers: WorkerService;
  /** Removes what belongs to nobody, for as long as the agent serves. */
  readonly sweeper: Pick<Sweeper, "run">;
  readonly onServing: (serving: boolean) => void;
  readonly logger: Logger;
}

const firstPauseMs = 50;
const longestPauseMs = 2000;
/** Far more than a slow machine needs; what takes longer hangs. */
const prepareTimeoutMs = 60_000;

/** Keeps the agent in step with its runtime: connects, reads what is there, follows events, and begins anew when cut off. */
export class Lifecycle {
  readonly #options: LifecycleOptions;
  #trouble: AgentError | undefined = new AgentError("RUNTIME_UNAVAILABLE", "the agent is starting");

  constructor(options: LifecycleOptions) {
    this.#options = options;
  }

  /** @throws AgentError that says why the agent can't work now */
  assertServing(): void {
    if (this.#trouble !== undefined)
      throw new AgentError(this.#trouble.code, this.#trouble.message, { cause: this.#trouble });
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    let pauseMs = firstPauseMs;
    while (!signal.aborted) {
      try {
        await this.#serve(signal, () => {
          pauseMs = firstPauseMs;
        });
      } catch (error) {
        if (signal.aborted) return;
        this.#setTrouble(error);
        // What has a code is said by its message; a stack for each try would bury it.
        const what = error instanceof AgentError ? { code: error.code, reason: error.message } : { err: error };
        logger.error({ ...what, retryInMs: pauseMs }, "cannot work with the runtime, trying again");
      }
      await delay(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }

  /** One life of the connection; ends with an error when the runtime goes away. */
  async #serve(signal: AbortSignal, onServing: () => void): Promise<void> {
    const { workers, logger } = this.#options;
    await this.#prepare(signal);
    const ended = new AbortController();
    const life = AbortSignal.any([signal, ended.signal]);
    const subscribed = Promise.withResolvers<void>();
    const following = followEvents({ ...this.#options, service: workers }, life, subscribed.resolve).then(() => {
      throw new AgentError("RUNTIME_UNAVAILABLE", "the runtime ended its stream of events");
    });
    try {
      await Promise.race([subscribed.promise, following]);
      const adopted = await Promise.race([workers.synchronise(life), following]);
      this.#setTrouble(undefined);
      onServing();
      logger.info({ workers: workers.table.all().length }, "serving");
      // Behind the serving, which nothing that it removes keeps from going on.
      void this.#options.sweeper.run(adopted, life);
      await following;
    } finally {
      ended.abort();
    }
  }

  /** Aborts a preparation that hangs, and says meanwhile that it does; the next one begins only when it has ended. */
  async #prepare(signal: AbortSignal): Promise<void> {
    const { prepare, logger } = this.#options;
    const hanging = new AbortController();
    const timer = setTimeout(() => {
      const trouble = new AgentError("RUNTIME_UNAVAILABLE", `preparing took more than ${prepareTimeoutMs / 1000} s`);
      logger.error({ err: trouble }, "the preparation hangs, breaking it off");
      this.#setTrouble(trouble);
      hanging.abort(trouble);
    }, prepareTimeoutMs);
    try {
      await prepare(AbortSignal.any([signal, hanging.signal]));
    } catch (error) {
      throw hanging.signal.aborted && !signal.aborted ? hanging.signal.reason : error;
    } finally {
      clearTimeout(timer);
    }
  }

  #setTrouble(error: unknown): void {
    const serving = error === undefined;
    this.#trouble =
      serving || error instanceof AgentError ? error : new AgentError("INTERNAL", "internal error", { cause: error });
    this.#options.onServing(serving);
  }
}
