import { createHash, timingSafeEqual } from "node:crypto";
import { type Caller, type CallerCheck, type CallerRequest, unrecognized } from "./check.ts";

/** A worker as far as it is known by its calls. */
export interface KnownWorker {
  readonly id: string;
  /** SHA-256 of its token, in hexadecimal. */
  readonly tokenDigest: string;
}

/**
 * A function that calls another: by the address it calls from and the token in its environment, which AWS SDKs send as
 * the session token of its credentials. Its signature is not looked at: it says nothing that the token does not.
 */
export class WorkerCheck implements CallerCheck {
  readonly #at: (address: string) => Iterable<KnownWorker>;

  /** @param at the workers that call from an address */
  constructor(at: (address: string) => Iterable<KnownWorker>) {
    this.#at = at;
  }

  check({ headers, remoteAddress }: CallerRequest): Caller | undefined {
    const token = headers["x-amz-security-token"];
    if (typeof token !== "string" || remoteAddress === undefined) return undefined;
    const digest = createHash("sha256").update(token).digest();
    for (const { id, tokenDigest } of this.#at(remoteAddress)) {
      const known = Buffer.from(tokenDigest, "hex");
      if (known.length === digest.length && timingSafeEqual(known, digest)) return { kind: "worker", name: id };
    }
    throw unrecognized();
  }
}
