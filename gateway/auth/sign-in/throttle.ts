import { LRUCache } from "lru-cache";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";

/** Whoever has not failed for longest is forgotten first, so that many addresses cost no more memory than this. */
const mostRemembered = 20_000;

export interface ThrottleLimits {
  /** Failures that are allowed within `seconds`. */
  readonly failures: number;
  readonly seconds: number;
}

/** An attempt that is under way counts as one that fails until it is told that it has not. */
export interface Attempt {
  /** It was right, or it could not have guessed anything. */
  forgive(): Promise<void>;
}

/** Somebody has failed too often. */
export class Throttled extends Error {
  override readonly name = "Throttled";
  readonly retryAfterSeconds: number;

  constructor(retryAfterMs: number) {
    super("too many attempts have failed");
    this.retryAfterSeconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  }
}

/** Holds back who guesses. */
export class Throttle {
  readonly #limiter: RateLimiterMemory;
  readonly #names: LRUCache<string, true>;

  constructor({ failures, seconds }: ThrottleLimits) {
    const limiter = new RateLimiterMemory({ points: failures, duration: seconds });
    this.#limiter = limiter;
    this.#names = new LRUCache<string, true>({
      max: mostRemembered,
      dispose: (_value, name, reason) => {
        if (reason === "evict") void limiter.delete(name);
      },
    });
  }

  /** @throws (rejects with) Throttled */
  async attempt(name: string): Promise<Attempt> {
    this.#names.set(name, true);
    try {
      await this.#limiter.consume(name);
    } catch (error) {
      if (error instanceof RateLimiterRes) throw new Throttled(error.msBeforeNext);
      throw error;
    }
    return {
      forgive: async () => {
        await this.#limiter.reward(name);
      },
    };
  }
}
