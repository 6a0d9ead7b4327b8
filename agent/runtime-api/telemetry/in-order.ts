import type { TelemetryItem } from "./item.ts";

/** What a process prints comes by way of its pipe, its log and the agent: so long behind what it was printed before. */
export const lineLagMs = 50;

interface Held {
  readonly item: TelemetryItem;
  /** Whether what is printed later belongs behind it: the beginning of an invocation. */
  readonly begins: boolean;
  readonly sinceMs: number;
}

export interface InOrderParts {
  readonly now: () => number;
  /** Calls back after so many milliseconds; returns what cancels that. */
  readonly after: (ms: number, callback: () => void) => () => void;
  readonly tell: (item: TelemetryItem) => void;
}

/**
 * Puts events, which are known at once, and lines, which come later, into the order in which they happened: an invocation's
 * lines behind its beginning and before its end. So events wait a moment, but only for a worker whose lines are asked for.
 */
export class InOrder {
  readonly #parts: InOrderParts;
  #waitsForLines = false;
  #held: Held[] = [];
  #cancelTimer: (() => void) | undefined;

  constructor(parts: InOrderParts) {
    this.#parts = parts;
  }

  /** Lines are to be expected from now on. */
  expectLines(): void {
    this.#waitsForLines = true;
  }

  event(item: TelemetryItem, begins: boolean): void {
    if (!this.#waitsForLines) {
      this.#parts.tell(item);
      return;
    }
    this.#held.push({ item, begins, sinceMs: this.#parts.now() });
    this.#wait(lineLagMs);
  }

  line(item: TelemetryItem): void {
    const before = this.#held.findLastIndex(({ begins, item: { timeMs } }) => begins && timeMs <= item.timeMs);
    this.#tell(before + 1);
    this.#parts.tell(item);
  }

  /** Nothing waits any longer. */
  flush(): void {
    this.#tell(this.#held.length);
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #wait(ms: number): void {
    this.#cancelTimer ??= this.#parts.after(ms, () => {
      this.#cancelTimer = undefined;
      const dueMs = this.#parts.now() - lineLagMs;
      const later = this.#held.findIndex(({ sinceMs }) => sinceMs > dueMs);
      this.#tell(later === -1 ? this.#held.length : later);
      const [next] = this.#held;
      if (next !== undefined) this.#wait(next.sinceMs - dueMs);
    });
  }

  #tell(count: number): void {
    const due = this.#held.slice(0, count);
    this.#held = this.#held.slice(count);
    for (const { item } of due) this.#parts.tell(item);
  }
}
