import { type LogFile, LogFiles, type LogPosition } from "./files.ts";
import { type LogLine, parseLines } from "./lines.ts";
import type { LogOwner } from "./names.ts";

/** Lines are read in pieces of this size, a few records. */
const pieceBytes = 64 * 1024;
const lost = Buffer.from("[esb: lines that came here were removed before they could be read]");

export interface Piece {
  readonly lines: readonly LogLine[];
  /** Where to go on behind them. */
  readonly position: LogPosition;
  /** Whether there is more to read now. */
  readonly more: boolean;
}

/**
 * One worker's log, read on piece by piece from where the last reading ended. The file that it is at stays open, so that a
 * worker's last words can be read when its log has been removed already.
 */
export class LogTailing implements AsyncDisposable {
  readonly #files: LogFiles;
  #file: LogFile | undefined;
  #next: LogPosition;
  #timeNs = 0n;

  constructor(folder: string, owner: LogOwner, begin: LogPosition) {
    this.#files = new LogFiles(folder, owner);
    this.#next = begin;
  }

  /** Whether there is no log, as far as the last reading could see. */
  get isGone(): boolean {
    return this.#file === undefined;
  }

  async read(): Promise<Piece> {
    const told = await this.#open();
    const file = this.#file;
    if (file === undefined) return { lines: [], position: this.#next, more: false };
    const { size, isComplete } = await file.look();
    // On a full disk the driver takes back what it could write only in part.
    const offset = Math.min(this.#next.offset, size);
    const piece = await file.read(offset, Math.min(offset + pieceBytes, size));
    const { lines, bytes } = parseLines(piece);
    const isStuck = bytes === 0 && piece.length < pieceBytes;
    const end = offset + (isStuck ? 0 : bytes || piece.length);
    this.#timeNs = lines.at(-1)?.timeNs ?? this.#timeNs;
    this.#next = { number: file.number, offset: end };
    if (!isComplete || (!isStuck && end < size)) {
      return { lines: [...told, ...lines], position: this.#next, more: !isStuck && end < size };
    }
    await this.#close();
    this.#next = { number: file.number + 1, offset: 0 };
    return { lines: [...told, ...lines], position: this.#next, more: true };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }

  /** @returns what is to be told of files that have gone unread */
  async #open(): Promise<LogLine[]> {
    if (this.#file !== undefined) return [];
    const { number } = this.#next;
    this.#file = await this.#files.openFrom(number);
    if (this.#file === undefined || this.#file.number === number) return [];
    this.#next = { number: this.#file.number, offset: 0 };
    return number === 0 ? [] : [{ timeNs: this.#timeNs, stream: "stderr", extension: 0, text: lost, partial: false }];
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.[Symbol.asyncDispose]();
  }
}
