import { isIPv6 } from "node:net";
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

/** Who an address is: one machine has a whole /64 of IPv6, and could send each guess from another address of it. */
export function throttleName(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = "", tail] = (address.split("%", 1)[0] ?? "").split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const groups = [...first, ...Array<string>(zeros).fill("0"), ...last].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}
