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
export class WorkerCheck<W extends KnownWorker> implements CallerCheck {
  readonly #at: (address: string) => Iterable<W>;

  /** @param at the workers that call from an address */
  constructor(at: (address: string) => Iterable<W>) {
    this.#at = at;
  }

  check(request: CallerRequest): Caller | undefined {
    const worker = this.workerOf(request);
    return worker === undefined ? undefined : { kind: "worker", name: worker.id };
  }

  /** @returns undefined for a request without a token @throws LambdaError for a token that is not right */
  workerOf({ headers, remoteAddress }: Pick<CallerRequest, "headers" | "remoteAddress">): W | undefined {
    const token = headers["x-amz-security-token"];
    if (typeof token !== "string" || remoteAddress === undefined) return undefined;
    const digest = createHash("sha256").update(token).digest();
    for (const worker of this.#at(remoteAddress)) {
      const known = Buffer.from(worker.tokenDigest, "hex");
      if (known.length === digest.length && timingSafeEqual(known, digest)) return worker;
    }
    throw unrecognized();
  }
}
