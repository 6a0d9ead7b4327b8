/** Lets one piece of work at a time run for each key, in the order of asking. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();

  isHeld(key: string): boolean {
    return this.#tails.has(key);
  }

  /** Waits for the key's turn. The lock is held until the result is disposed of. */
  async acquire(key: string): Promise<Disposable> {
    const before = this.#tails.get(key);
    const turn = Promise.withResolvers<void>();
    this.#tails.set(key, turn.promise);
    await before;
    return {
      [Symbol.dispose]: () => {
        if (this.#tails.get(key) === turn.promise) this.#tails.delete(key);
        turn.resolve();
      },
    };
  }
}
