import PQueue from "p-queue";
import { delay } from "../../common/delay.ts";
import type { Logger } from "../../common/logger.ts";
import { type OwnerPresence, ownersToReap } from "./owners.ts";
import type { WorkerReference, WorkerService } from "./service.ts";
import type { WorkerTable } from "./table.ts";

export interface OwnerReaperOptions {
  readonly presence: OwnerPresence;
  readonly workers: { readonly table: Pick<WorkerTable, "all"> } & Pick<WorkerService, "destroy">;
  /** @throws Error while workers can't be destroyed, nor owners served */
  readonly ready: () => void;
  readonly timeoutMs: number;
  /** Milliseconds of a clock that is never set. */
  readonly now: () => number;
  readonly logger: Pick<Logger, "info" | "warn">;
}

const shortestIntervalMs = 50;
const longestIntervalMs = 30_000;
const checksPerTimeout = 4;
const destroyedAtOnce = 4;

/** S6: removes the workers of owners that don't come back. */
export class OwnerReaper {
  readonly intervalMs: number;
  readonly #options: OwnerReaperOptions;
  #lastCheckMs: number | undefined;

  constructor(options: OwnerReaperOptions) {
    this.#options = options;
    this.intervalMs = Math.min(longestIntervalMs, Math.max(shortestIntervalMs, options.timeoutMs / checksPerTimeout));
  }

  /** Checks again and again until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.check();
      await delay(this.intervalMs, signal);
    }
  }

  /** Looks once, and removes what there is to remove. */
  async check(): Promise<void> {
    const { presence, workers, timeoutMs, now } = this.#options;
    // When we ourselves were away, stopped or without the runtime, no owner could be heard.
    if (!this.#wasListening()) presence.excuseAll();
    const byOwner = Map.groupBy(workers.table.all(), ({ identity }) => identity.owner);
    presence.forgetAllBut(byOwner.keys());
    const states = [...byOwner.keys()].map((owner) => presence.stateOf(owner));
    const queue = new PQueue({ concurrency: destroyedAtOnce });
    await Promise.all(
      ownersToReap(states, now(), timeoutMs).map(({ owner, lastSeenMs }) => {
        const references = (byOwner.get(owner) ?? []).map(({ identity: { id, instanceId } }) => ({ id, instanceId }));
        return this.#reap(owner, now() - lastSeenMs, references, queue);
      }),
    );
  }

  #wasListening(): boolean {
    const nowMs = this.#options.now();
    const sinceMs = nowMs - (this.#lastCheckMs ?? nowMs);
    try {
      this.#options.ready();
    } catch {
      return false;
    }
    this.#lastCheckMs = nowMs;
    return sinceMs <= 2 * this.intervalMs;
  }

  async #reap(owner: string, awayMs: number, references: readonly WorkerReference[], queue: PQueue): Promise<void> {
    const { presence, workers, timeoutMs, now, logger } = this.#options;
    let removed = 0;
    let failed = 0;
    const reapOne = async (reference: WorkerReference) => {
      // It may have come back while others of its workers were being removed.
      if (ownersToReap([presence.stateOf(owner)], now(), timeoutMs).length === 0) return;
      try {
        await workers.destroy(reference);
        removed += 1;
      } catch (error) {
        failed += 1;
        logger.warn({ err: error, worker: reference.id, owner }, "a worker of an absent owner could not be removed");
      }
    };
    await Promise.all(references.map((reference) => queue.add(() => reapOne(reference))));
    logger.info({ owner, awayMs: Math.round(awayMs), removed, failed }, "an owner did not come back");
  }
}
