export interface BatchesOptions {
  readonly maxItems: number;
  readonly maxBytes: number;
  readonly timeoutMs: number;
  /** Calls back after so many milliseconds; returns what cancels that. */
  readonly after: (ms: number, callback: () => void) => () => void;
  /** What stands where items were lost because the receiver was too slow, before the next one that is not. */
  readonly lost: (items: number, bytes: number) => object;
  /** Sends one batch; a second one is not sent before it ends. */
  readonly send: (body: string) => Promise<void>;
  /** Lets go of what is being sent. */
  readonly stop: () => void;
}

/** So many items, or bytes, wait behind the batch that is being sent; what comes then is lost, and counted. */
const mostWaiting = 2000;
const mostWaitingBytes = 2 * 1024 * 1024;
/** The shortest time that a subscription can ask for. */
const hurriedMs = 25;

/** Gathers items, as JSON, until there are enough of them, enough bytes, or enough time has passed. */
export class Batches {
  readonly #options: BatchesOptions;
  #items: string[] = [];
  #bytes = 0;
  #timeoutMs: number;
  #cancelTimer: (() => void) | undefined;
  #sending = false;
  #due = false;
  #closed = false;
  #lost = { items: 0, bytes: 0 };

  constructor(options: BatchesOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs;
  }

  add(item: object): void {
    if (this.#closed) return;
    const text = JSON.stringify(item);
    if (this.#items.length >= mostWaiting || this.#bytes >= mostWaitingBytes) {
      this.#lost = { items: this.#lost.items + 1, bytes: this.#lost.bytes + Buffer.byteLength(text) };
      return;
    }
    const { items, bytes } = this.#lost;
    if (items > 0) {
      this.#lost = { items: 0, bytes: 0 };
      this.#keep(JSON.stringify(this.#options.lost(items, bytes)));
    }
    this.#keep(text);
    if (this.#isFull) this.#flush();
    else this.#cancelTimer ??= this.#options.after(this.#timeoutMs, () => this.#flush());
  }

  /** Sends what there is, and what comes from now on soon. */
  hurry(): void {
    this.#timeoutMs = Math.min(this.#timeoutMs, hurriedMs);
    this.#flush();
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#items = [];
    this.#options.stop();
  }

  get #isFull(): boolean {
    const { maxItems, maxBytes } = this.#options;
    return this.#items.length >= maxItems || this.#bytes >= maxBytes;
  }

  #keep(text: string): void {
    this.#items.push(text);
    this.#bytes += Buffer.byteLength(text);
  }

  #flush(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#sending) {
      this.#due = true;
      return;
    }
    if (this.#closed || this.#items.length === 0) return;
    const body = `[${this.#take().join(",")}]`;
    // What has waited for so long goes next.
    this.#due = this.#items.length > 0;
    this.#sending = true;
    const onSent = () => {
      this.#sending = false;
      if (!this.#due) return;
      this.#due = false;
      this.#flush();
    };
    this.#options.send(body).then(onSent, onSent);
  }

  /** A batch of what waits, no larger than it would have been had the receiver not been slow. */
  #take(): string[] {
    const { maxItems, maxBytes } = this.#options;
    let [count, bytes] = [0, 0];
    for (; count < Math.min(this.#items.length, maxItems) && bytes < maxBytes; count += 1) {
      bytes += Buffer.byteLength(this.#items[count] ?? "");
    }
    this.#bytes -= bytes;
    return this.#items.splice(0, count);
  }
}
