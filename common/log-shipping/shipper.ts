import { delay } from "../delay.ts";
import { type Batch, LogQueue } from "./queue.ts";
import type { LogSender } from "./send.ts";

/** Where it is told how the shipping goes; what is told there must not be shipped. */
export interface ShippingLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface LogShipperOptions {
  readonly sender: LogSender;
  /** What all lines that wait may take, in bytes. */
  readonly mostBytes: number;
  readonly log: ShippingLog;
}

/** `overflow`: too much waited; `refused`: the server does not take it; `end`: it waited when the process ended. */
export type DropReason = "overflow" | "refused" | "end";

const batchBytes = 256 * 1024;
const batchAfterMs = 1000;
const firstBackoffMs = 500;
const longestBackoffMs = 15_000;
/** While lines are dropped, it is said no more often. */
const tellEveryMs = 60_000;

/**
 * Ships lines of JSON in batches (O1), in order, each at least once; a line's shipper never waits. While the server is
 * away lines wait in memory, up to a bound; beyond it the oldest are dropped, counted and told of.
 */
export class LogShipper {
  readonly dropped: Record<DropReason, number> = { overflow: 0, refused: 0, end: 0 };
  sentLines = 0;
  readonly #options: LogShipperOptions;
  readonly #queue: LogQueue;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  /** Ends a pause between two tries. */
  #hurry = new AbortController();
  #isEnding = false;
  readonly #over = new AbortController();
  #awaySince: number | undefined;
  #untold: Record<DropReason, number> = { overflow: 0, refused: 0, end: 0 };
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: LogShipperOptions) {
    this.#options = options;
    const { mostBytes } = options;
    this.#queue = new LogQueue({
      mostBytes,
      batchBytes: Math.min(batchBytes, Math.ceil(mostBytes / 4)),
      onDropped: (lines) => this.#onDropped("overflow", lines),
    });
  }

  /** What the lines that wait take, in bytes. */
  get waitingBytes(): number {
    return this.#queue.bytes;
  }

  /** @param line a JSON object with its `time` and `msg`, and the line's end */
  ship(line: string): void {
    if (this.#over.signal.aborted) {
      this.#onDropped("end", 1);
      return;
    }
    if (this.#queue.add(line)) this.#send();
    this.#sendSoon();
  }

  /** Sends what waits, and gives up when that fails or the time is over. Lines that come later are dropped. */
  async close(withinMs: number): Promise<void> {
    this.#isEnding = true;
    const timer = setTimeout(() => this.#over.abort(), withinMs);
    this.#hurry.abort();
    this.#flush();
    await this.#sending;
    clearTimeout(timer);
    this.#over.abort();
    await this.#options.sender.close();
    this.#onDropped("end", this.#queue.lines);
    this.#tellDropped();
  }

  /** While others are on their way, or wait for the server, lines join one batch. */
  #sendSoon(): void {
    if (this.#sending === undefined) this.#timer ??= setTimeout(() => this.#flush(), batchAfterMs).unref();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#queue.fill();
    this.#send();
  }

  #send(): void {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
      if (this.#queue.lines > 0 && !this.#isEnding) this.#sendSoon();
    });
  }

  async #sendAll(): Promise<void> {
    let backoffMs = firstBackoffMs;
    for (let batch = this.#queue.first(); batch !== undefined; batch = this.#queue.first()) {
      if (await this.#sendOne(batch)) {
        backoffMs = firstBackoffMs;
        continue;
      }
      if (this.#isEnding) return;
      await delay(backoffMs, this.#hurry.signal);
      backoffMs = Math.min(backoffMs * 2, longestBackoffMs);
    }
  }

  /** @returns whether it is done with */
  async #sendOne(batch: Batch): Promise<boolean> {
    try {
      const result = await this.#options.sender.send(await batch.body, this.#over.signal);
      this.#queue.removeFirst();
      if (result === "taken") this.sentLines += batch.lines;
      else this.#onDropped("refused", batch.lines);
      this.#onBack();
      return true;
    } catch (error) {
      this.#onAway(error);
      return false;
    }
  }

  #onAway(error: unknown): void {
    if (this.#awaySince !== undefined) return;
    this.#awaySince = performance.now();
    this.#options.log.warn({ reason: reasonOf(error) }, "log lines cannot be shipped, they wait in memory");
  }

  #onBack(): void {
    this.#tellDropped();
    if (this.#awaySince === undefined) return;
    const awayMs = Math.round(performance.now() - this.#awaySince);
    this.#awaySince = undefined;
    this.#options.log.info({ awayMs, waitingBytes: this.waitingBytes }, "log lines are shipped again");
  }

  #onDropped(reason: DropReason, lines: number): void {
    this.dropped[reason] += lines;
    this.#untold[reason] += lines;
    if (performance.now() - this.#toldAt >= tellEveryMs) this.#tellDropped();
  }

  #tellDropped(): void {
    const lost = Object.fromEntries(Object.entries(this.#untold).filter(([, lines]) => lines > 0));
    if (Object.keys(lost).length === 0) return;
    this.#untold = { overflow: 0, refused: 0, end: 0 };
    this.#toldAt = performance.now();
    this.#options.log.warn({ dropped: lost }, "log lines were dropped unshipped");
  }
}

/** A refused connection has a code, and where several addresses were tried no message. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || ("code" in error ? String(error.code) : error.name);
}
