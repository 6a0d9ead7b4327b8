import type { Logger } from "../../common/logger.ts";
import type { Trouble, TroubleKind } from "./trouble.ts";

const firstPauseMs = 1000;
const longestPauseMs = 60_000;

/** Tells of the database's troubles: once when they begin or become others, and once when they are over. */
export class Outage {
  readonly #logger: Pick<Logger, "error" | "info">;
  readonly #path: string;
  readonly #now: () => number;
  #present: { readonly kind: TroubleKind; readonly sinceMs: number; readonly pauseMs: number } | undefined;

  constructor(options: { path: string; logger: Pick<Logger, "error" | "info">; now: () => number }) {
    this.#path = options.path;
    this.#logger = options.logger;
    this.#now = options.now;
  }

  get lasts(): boolean {
    return this.#present !== undefined;
  }

  /** @returns how long to wait before the next try, in milliseconds: longer each time */
  failed({ kind, what, remedy }: Trouble, error: unknown): number {
    const before = this.#present;
    const pauseMs = before === undefined ? firstPauseMs : Math.min(before.pauseMs * 2, longestPauseMs);
    this.#present = { kind, sinceMs: before?.sinceMs ?? this.#now(), pauseMs };
    if (before?.kind !== kind) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#logger.error(
        { path: this.#path, trouble: kind, what, remedy, reason },
        "the workers' database cannot be used: workers go on without it, what is to be kept waits in memory",
      );
    }
    return pauseMs;
  }

  over(): void {
    if (this.#present === undefined) return;
    const afterMs = this.#now() - this.#present.sinceMs;
    this.#present = undefined;
    this.#logger.info({ path: this.#path, afterMs }, "the workers' database works again");
  }
}
