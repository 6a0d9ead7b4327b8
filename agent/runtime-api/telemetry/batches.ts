export interface BatchesOptions {
  readonly maxItems: number;
  readonly maxBytes: number;
  readonly timeoutMs: number;
  /** Calls back after so many milliseconds; returns what cancels that. */
  readonly after: (ms: number, callback: () => void) => () => void;
  /** Sends one batch; a second one is not sent before it ends. */
  readonly send: (body: string) => Promise<void>;
  /** Lets go of what is being sent. */
  readonly stop: () => void;
}

/** So many items, or bytes, wait behind the batch that is being sent; what comes then is lost, and counted. */
const mostWaiting = 2000;
const mostWaitingBytes = 2 * 1024 * 1024;

/** Gathers items, as JSON, until there are enough of them, enough bytes, or enough time has passed. */
export class Batches {
  readonly #options: BatchesOptions;
  #items: string[] = [];
  #bytes = 0;
  #cancelTimer: (() => void) | undefined;
  #sending = false;
  #due = false;
  #closed = false;
  #dropped = 0;

  constructor(options: BatchesOptions) {
    this.#options = options;
  }

  /** Items that were lost because the receiver was too slow; asking sets it back. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  add(item: object): void {
    if (this.#closed) return;
    if (this.#items.length >= mostWaiting || this.#bytes >= mostWaitingBytes) {
      this.#dropped++;
      return;
    }
    const text = JSON.stringify(item);
    this.#items.push(text);
    this.#bytes += text.length;
    const { maxItems, maxBytes, timeoutMs, after } = this.#options;
    if (this.#items.length >= maxItems || this.#bytes >= maxBytes) this.#flush();
    else this.#cancelTimer ??= after(timeoutMs, () => this.#flush());
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#items = [];
    this.#options.stop();
  }

  #flush(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#sending) {
      this.#due = true;
      return;
    }
    if (this.#closed || this.#items.length === 0) return;
    const body = `[${this.#items.join(",")}]`;
    this.#items = [];
    this.#bytes = 0;
    this.#sending = true;
    const onSent = () => {
      this.#sending = false;
      if (!this.#due) return;
      this.#due = false;
      this.#flush();
    };
    this.#options.send(body).then(onSent, onSent);
  }
}
