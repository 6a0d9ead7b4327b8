import { promisify } from "node:util";
import { gzip } from "node:zlib";

/** Lines that are sent together. */
export interface Batch {
  readonly lines: number;
  /** The lines, compressed. */
  readonly body: Promise<Buffer>;
}

class HeldBatch implements Batch {
  readonly lines: number;
  /** What it takes: its text at first, less once that is compressed. */
  bytes: number;
  isCompressed = false;
  readonly #compress: Compress;
  #content: Buffer | Promise<Buffer>;

  constructor(lines: readonly string[], compress: Compress) {
    this.lines = lines.length;
    this.#content = Buffer.from(lines.join(""));
    this.bytes = this.#content.length;
    this.#compress = compress;
  }

  get body(): Promise<Buffer> {
    if (Buffer.isBuffer(this.#content)) this.#content = this.#compress(this.#content);
    return this.#content;
  }
}

type Compress = (text: Buffer) => Promise<Buffer>;

export interface LogQueueOptions {
  /** What all lines may take. */
  readonly mostBytes: number;
  /** A batch that has so much text is full. */
  readonly batchBytes: number;
  /** So many lines have been dropped, the oldest. */
  readonly onDropped: (lines: number) => void;
  /** Node's own gzip unless told otherwise. */
  readonly compress?: Compress;
}

/**
 * Lines that wait to be sent, in batches, the oldest first. Where there are more than may be, the oldest batch goes.
 * Full batches are compressed one after the other, on Node's own threads, so that what waits takes a tenth of its size.
 * In a flood most are dropped before their turn, so what it costs is bounded, too.
 */
export class LogQueue {
  readonly #options: LogQueueOptions;
  readonly #full: HeldBatch[] = [];
  #filling: string[] = [];
  #fillingBytes = 0;
  #bytes = 0;
  #isFirstTaken = false;
  #isCompressing = false;

  constructor(options: LogQueueOptions) {
    this.#options = options;
  }

  /** What all lines take now. */
  get bytes(): number {
    return this.#bytes + this.#fillingBytes;
  }

  get lines(): number {
    return this.#full.reduce((sum, { lines }) => sum + lines, this.#filling.length);
  }

  /** @param line with its end @returns whether there is a full batch */
  add(line: string): boolean {
    this.#filling.push(line);
    this.#fillingBytes += Buffer.byteLength(line);
    if (this.#fillingBytes >= this.#options.batchBytes) this.fill();
    // What is taken counts, too, but is smaller than what all may take.
    while (this.bytes > this.#options.mostBytes) this.#dropOldest();
    return this.#full.length > 0;
  }

  /** Takes the lines that there are as a batch, though it is not full. */
  fill(): void {
    if (this.#filling.length === 0) return;
    const batch = new HeldBatch(this.#filling, this.#options.compress ?? promisify(gzip));
    this.#full.push(batch);
    this.#bytes += batch.bytes;
    this.#filling = [];
    this.#fillingBytes = 0;
    if (!this.#isCompressing) void this.#compressAll();
  }

  /** The oldest batch; from now on it is the sender's, and stays until it is removed. */
  first(): Batch | undefined {
    this.#isFirstTaken = this.#full.length > 0;
    return this.#full[0];
  }

  /** Takes the oldest batch out. */
  removeFirst(): void {
    this.#isFirstTaken = false;
    this.#bytes -= this.#full.shift()?.bytes ?? 0;
  }

  async #compressAll(): Promise<void> {
    this.#isCompressing = true;
    const next = () => this.#full.find(({ isCompressed }) => !isCompressed);
    for (let batch = next(); batch !== undefined; batch = next()) {
      const { length } = await batch.body;
      if (this.#full.includes(batch)) this.#bytes -= batch.bytes - length;
      batch.bytes = length;
      batch.isCompressed = true;
    }
    this.#isCompressing = false;
  }

  #dropOldest(): void {
    const index = this.#isFirstTaken ? 1 : 0;
    if (this.#full.length === index) this.fill();
    const [oldest] = this.#full.splice(index, 1);
    if (oldest === undefined) return;
    this.#bytes -= oldest.bytes;
    this.#options.onDropped(oldest.lines);
  }
}
