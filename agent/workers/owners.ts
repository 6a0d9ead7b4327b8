/** An owner that has workers, as far as its presence matters. */
export interface OwnerState {
  readonly owner: string;
  /** Whether a call or a Watch of its is under way. */
  readonly present: boolean;
  /** Of the last sign of life. */
  readonly lastSeenMs: number;
}

/** S6: the owners that have been away for so long that nobody will come back for their workers. */
export function ownersToReap(owners: readonly OwnerState[], nowMs: number, timeoutMs: number): OwnerState[] {
  return owners.filter(({ present, lastSeenMs }) => !present && nowMs - lastSeenMs >= timeoutMs);
}

/** Who is there: an owner is while it has a Watch or another call under way, and counts as seen at its end. */
export class OwnerPresence {
  readonly #now: () => number;
  readonly #calls = new Map<string, number>();
  readonly #lastSeenMs = new Map<string, number>();

  /** @param now milliseconds of a clock that is never set */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A sign of life, and presence until it is disposed of. A call of nobody in particular counts for nobody. */
  enter(owner: string | undefined): Disposable {
    if (owner === undefined) return { [Symbol.dispose]: () => undefined };
    this.#calls.set(owner, (this.#calls.get(owner) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        const left = (this.#calls.get(owner) ?? 0) - 1;
        if (left > 0) this.#calls.set(owner, left);
        else this.#calls.delete(owner);
        this.#lastSeenMs.set(owner, this.#now());
      },
    };
  }

  /** How it stands with an owner. One that is new to us, as all are after our start, counts as seen now. */
  stateOf(owner: string): OwnerState {
    const lastSeenMs = this.#lastSeenMs.get(owner) ?? this.#now();
    this.#lastSeenMs.set(owner, lastSeenMs);
    return { owner, present: this.#calls.has(owner), lastSeenMs };
  }

  /** Whoever has no worker need not be remembered. */
  forgetAllBut(owners: Iterable<string>): void {
    const kept = new Set(owners);
    for (const known of this.#lastSeenMs.keys()) if (!kept.has(known)) this.#lastSeenMs.delete(known);
  }

  /** Nobody could give a sign of life: they all count as seen now. */
  excuseAll(): void {
    for (const owner of this.#lastSeenMs.keys()) this.#lastSeenMs.set(owner, this.#now());
  }
}
