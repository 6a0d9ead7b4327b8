import { LRUCache } from "lru-cache";
import type { Clock } from "../pool/clock.ts";
import { addressGroup } from "./address-group.ts";

/** Who is counted: everybody by address, before it is known who calls, and API keys once they have been shown. */
export type Caller =
  | { readonly kind: "key"; readonly keyId: string }
  | { readonly kind: "address"; readonly address: string };

/** A caller has sent more than it may. */
export class RateExceeded extends Error {
  override readonly name = "RateExceeded";
  readonly retryAfterSeconds: number;

  constructor(retryAfterMs: number) {
    super("Rate exceeded");
    this.retryAfterSeconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  }
}

export interface Rate {
  /** Requests a second, in the long run. */
  readonly perSecond: number;
  /** Requests that may come at once. */
  readonly burst: number;
}

/** What is left of a caller's burst, as of a time. */
export interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

/**
 * API Gateway's token bucket (docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html):
 * it holds `burst` tokens and is filled at the rate; a request takes one.
 * @returns the bucket after it, or how long until there is a token
 */
export function takeToken(
  rate: Rate,
  bucket: Bucket | undefined,
  nowMs: number,
): { readonly bucket: Bucket } | { readonly waitMs: number } {
  const filled = bucket === undefined ? rate.burst : bucket.tokens + ((nowMs - bucket.atMs) * rate.perSecond) / 1000;
  const tokens = Math.min(rate.burst, filled);
  if (tokens < 1) return { waitMs: ((1 - tokens) * 1000) / rate.perSecond };
  return { bucket: { tokens: tokens - 1, atMs: nowMs } };
}

/** Callers that are remembered; of more, those that were silent longest begin anew. */
const mostCallers = 100_000;

/** How many requests each caller may send. */
export class RateLimit {
  readonly #rate: Rate;
  readonly #clock: Pick<Clock, "now">;
  readonly #buckets = new LRUCache<string, Bucket>({ max: mostCallers });
  throttled = 0;

  constructor(rate: Rate, clock: Pick<Clock, "now">) {
    this.#rate = rate;
    this.#clock = clock;
  }

  /** Counts a request. @throws RateExceeded when it is one too many, which is not counted */
  admit(caller: Caller): void {
    if (this.#rate.perSecond === 0) return;
    const name = caller.kind === "key" ? `key ${caller.keyId}` : addressGroup(caller.address);
    const taken = takeToken(this.#rate, this.#buckets.get(name), this.#clock.now());
    if ("waitMs" in taken) {
      this.throttled++;
      throw new RateExceeded(taken.waitMs);
    }
    this.#buckets.set(name, taken.bucket);
  }
}

/** @param limit ESB_RATE_LIMIT, 0: none @param burst ESB_RATE_BURST, 0: as many as the limit */
export function toRate(limit: number, burst: number): Rate {
  return { perSecond: limit, burst: burst === 0 ? limit : burst };
}
