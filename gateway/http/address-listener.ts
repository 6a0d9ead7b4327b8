import type { Clock } from "../pool/clock.ts";

/** Until an address is tried again that is not there yet, or taken. */
const retryMs = 1000;

/** What listens: made anew for each try, since one that has failed cannot be used again. */
export interface Listening {
  listen(address: string): Promise<void>;
  close(): Promise<void>;
}

export interface AddressListenerOptions {
  readonly clock: Pick<Clock, "after">;
  readonly create: () => Listening;
  readonly onListening: (address: string) => void;
  /** Told once for each reason in turn. */
  readonly onTrouble: (address: string, error: Error) => void;
}

/** Listens at an address that may come later than we, or change, and tries for as long as it takes. */
export class AddressListener {
  readonly #options: AddressListenerOptions;
  #wanted: string | undefined;
  #current: { readonly address: string; readonly listening: Listening } | undefined;
  #trouble: Error | undefined;
  #cancelRetry: (() => void) | undefined;
  #work = Promise.resolve();
  #closed = false;

  constructor(options: AddressListenerOptions) {
    this.#options = options;
  }

  /** Where it listens. */
  get address(): string | undefined {
    return this.#current?.address;
  }

  /** Why it does not listen, as the last try has shown. */
  get trouble(): Error | undefined {
    return this.#trouble;
  }

  /** @param address empty: nowhere */
  want(address: string): void {
    if (this.#closed) return;
    this.#wanted = address === "" ? undefined : address;
    this.#settle();
  }

  async close(): Promise<void> {
    this.want("");
    this.#closed = true;
    await this.#work;
  }

  /** One step after the other. */
  #settle(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#work = this.#work.then(() => this.#step());
  }

  async #step(): Promise<void> {
    const wanted = this.#wanted;
    if (this.#current?.address === wanted) return;
    await this.#current?.listening.close();
    this.#current = undefined;
    if (wanted === undefined) return;
    const { clock, create, onListening, onTrouble } = this.#options;
    const listening = create();
    try {
      await listening.listen(wanted);
      this.#current = { address: wanted, listening };
      this.#trouble = undefined;
      onListening(wanted);
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      await listening.close();
      if (this.#trouble?.message !== error.message) onTrouble(wanted, error);
      this.#trouble = error;
      if (this.#wanted !== undefined) this.#cancelRetry = clock.after(retryMs, () => this.#settle());
    }
  }
}
