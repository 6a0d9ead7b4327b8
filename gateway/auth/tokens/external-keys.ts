import { type CryptoKey, createLocalJWKSet, errors, type JSONWebKeySet, type JWSHeaderParameters } from "jose";
import type { Clock } from "../../pool/clock.ts";
import { InvalidToken, IssuerAway } from "./invalid-token.ts";

/** A key that is not known may be a new one; more often than this nobody is asked. */
const cooldownMs = 30_000;
/** How long a request waits for the issuer at most. */
const waitMs = 2_000;
/** Keys that the issuer has taken back are dropped within this time. */
const refreshMs = 300_000;

export interface ExternalKeysOptions {
  readonly clock: Clock;
  /** Asks the issuer. @throws (rejects) when it cannot be reached or says what is no key set */
  readonly fetchKeys: () => Promise<JSONWebKeySet>;
  readonly onChanged: () => void;
  readonly onTrouble: (error: unknown) => void;
}

/**
 * The keys of an issuer elsewhere, kept and asked for again: at intervals, and when a token has a key that is not
 * known. While the issuer is away, the keys that are known go on being good.
 */
export class ExternalKeys implements Disposable {
  readonly #options: ExternalKeysOptions;
  #text: string | undefined;
  #keys: ReturnType<typeof createLocalJWKSet> | undefined;
  #askedMs: number | undefined;
  #asking: Promise<void> | undefined;
  #error: string | undefined;
  #cancelNext: () => void = () => undefined;
  #closed = false;

  constructor(options: ExternalKeysOptions) {
    this.#options = options;
  }

  /** Why the issuer could not be asked the last time. */
  get error(): string | undefined {
    return this.#error;
  }

  /** The key of a token. @throws (rejects with) InvalidToken, IssuerAway */
  async keyOf(header: JWSHeaderParameters): Promise<CryptoKey> {
    const known = await this.#find(header);
    if (known !== undefined) return known;
    if (this.#asking !== undefined || this.#mayAsk()) {
      await this.#atMost(this.refresh());
      const found = await this.#find(header);
      if (found !== undefined) return found;
    }
    if (this.#keys === undefined)
      throw new IssuerAway(`the issuer's keys are not known: ${this.#error ?? "no answer"}`);
    throw new InvalidToken("the issuer has no such key");
  }

  /** Asks the issuer, now and from then on at intervals; calls at the same time share one question. Never rejects. */
  refresh(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
      this.#cancelNext();
      if (this.#closed) return;
      const nextMs = this.#error === undefined ? refreshMs : cooldownMs;
      this.#cancelNext = this.#options.clock.after(nextMs, () => void this.refresh());
    });
    return this.#asking;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#cancelNext();
  }

  async #ask(): Promise<void> {
    this.#askedMs = this.#options.clock.now();
    try {
      const set = await this.#options.fetchKeys();
      const keys = createLocalJWKSet(set);
      this.#error = undefined;
      const text = JSON.stringify(set);
      if (text === this.#text) return;
      this.#text = text;
      this.#keys = keys;
      this.#options.onChanged();
    } catch (error) {
      this.#error = error instanceof Error ? error.message : String(error);
      this.#options.onTrouble(error);
    }
  }

  async #find(header: JWSHeaderParameters): Promise<CryptoKey | undefined> {
    try {
      return await this.#keys?.(header);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return undefined;
      // Also a key that is none, for which the library has no error of its own.
      throw new InvalidToken(error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  #mayAsk(): boolean {
    return this.#askedMs === undefined || this.#options.clock.now() - this.#askedMs >= cooldownMs;
  }

  #atMost(work: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(waitMs, resolve);
    void work.then(resolve);
    return promise.finally(cancel);
  }
}
