/**
 * Workers that the gateway's life before has left with a request are destroyed; as many are made in their place although
 * nobody waits, so that nothing goes cold with a gateway (S4).
 */
export class Replacements {
  #owed = 0;
  #floor = 0;

  /** How many workers there are to be, at least. */
  get floor(): number {
    return this.#floor;
  }

  onFoundBusy(): void {
    this.#owed++;
  }

  /** The agent has told of the others. @param present those that are ready or serve */
  onListed(present: number): void {
    if (this.#owed > 0) this.#floor = present + this.#owed;
  }

  onStarted(): void {
    if (this.#owed > 1) this.#owed--;
    else this.forget();
  }

  /** What was there before counts no more: the function has changed, or cannot be started. */
  forget(): void {
    this.#owed = 0;
    this.#floor = 0;
  }
}
