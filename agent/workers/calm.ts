import { delay } from "../../common/delay.ts";

/** Tells when no start is under way, for work that should not compete with one. */
export class Calm {
  #starts = 0;
  #calm = Promise.withResolvers<void>();

  /** Until it is disposed of, a start is under way. */
  start(): Disposable {
    this.#starts += 1;
    return {
      [Symbol.dispose]: () => {
        this.#starts -= 1;
        if (this.#starts > 0) return;
        this.#calm.resolve();
        this.#calm = Promise.withResolvers<void>();
      },
    };
  }

  /** Waits until no start is under way, but no longer than this. */
  async wait(atMostMs: number): Promise<void> {
    if (this.#starts === 0) return;
    const over = new AbortController();
    await Promise.race([this.#calm.promise, delay(atMostMs, over.signal)]);
    over.abort();
  }
}
