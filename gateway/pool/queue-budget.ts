/** Bytes that the events of all waiting requests may take together, over all functions. */
export class QueueBudget {
  readonly limitBytes: number;
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Takes room for an event. @returns gives it back; undefined when there is none left */
  take(bytes: number): (() => void) | undefined {
    if (bytes > this.limitBytes - this.#usedBytes) return undefined;
    this.#usedBytes += bytes;
    let held = true;
    return () => {
      if (held) this.#usedBytes -= bytes;
      held = false;
    };
  }
}
