import type { Places } from "./places.ts";
import { blankRecords, encodeRecord, offsetOf } from "./records.ts";

/** Where records are kept so that they outlive this process. */
export interface RecordFile {
  /** @throws what the system says */
  write(bytes: Uint8Array, position: number): void;
  close(): void;
}

export interface JournalOptions {
  /** undefined: nothing can be kept. */
  readonly file: RecordFile | undefined;
  readonly places: Places;
  /** Workers that the life before has left with a request, and where they stand. */
  readonly left: ReadonlyMap<string, number>;
  readonly clock: { after(ms: number, callback: () => void): unknown };
  /** Something could not be kept. */
  readonly onTrouble: (error: unknown) => void;
}

/** How many places are added when all are taken. */
const growBy = 512;
/** A worker of which the agent has not told for this long does not exist any more. */
const unheardOfMs = 24 * 60 * 60_000;

const blank = blankRecords(1);

/**
 * Which workers have a request, in a file: what a process has written is there for the next one, however the first ended.
 * Nothing is flushed to the disk, since a loss of power takes the workers along. Writes are synchronous, since the
 * request goes out right behind; a mark that stands is not written again.
 */
export class InFlightJournal implements Disposable {
  readonly #options: JournalOptions;
  readonly #marked = new Map<string, number>();
  readonly #left: Map<string, number>;
  readonly #heardOf = new Set<string>();
  #file: RecordFile | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#file = options.file;
    this.#left = new Map(options.left);
    // Not sooner: the agent may come to know of a worker after it has listed the others.
    if (this.#left.size > 0) options.clock.after(unheardOfMs, () => this.#dropUnheardOf());
  }

  isMarked(instanceId: string): boolean {
    const isLeft = this.#left.has(instanceId);
    if (isLeft) this.#heardOf.add(instanceId);
    return isLeft || this.#marked.has(instanceId);
  }

  mark(instanceId: string): void {
    const file = this.#file;
    if (file === undefined || this.#marked.has(instanceId)) return;
    const { places, onTrouble } = this.#options;
    let place: number | undefined;
    try {
      const record = encodeRecord(instanceId);
      place = places.take() ?? this.#grow(file);
      file.write(record, offsetOf(place));
      this.#marked.set(instanceId, place);
    } catch (error) {
      if (place !== undefined) places.give(place);
      onTrouble(error);
    }
  }

  clear(instanceId: string): void {
    this.#clear(this.#marked, instanceId);
    this.#clear(this.#left, instanceId);
  }

  /** Keeps what has been kept, and nothing more. */
  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #clear(from: Map<string, number>, instanceId: string): void {
    const place = from.get(instanceId);
    if (place === undefined) return;
    try {
      this.#file?.write(blank, offsetOf(place));
      from.delete(instanceId);
      this.#options.places.give(place);
    } catch (error) {
      // It stands there still: the next time it is neither marked again nor forgotten.
      this.#options.onTrouble(error);
    }
  }

  #grow(file: RecordFile): number {
    const { places } = this.#options;
    const { count } = places;
    file.write(blankRecords(growBy), offsetOf(count));
    places.grow(growBy);
    return places.take() ?? count;
  }

  #dropUnheardOf(): void {
    for (const instanceId of this.#left.keys()) if (!this.#heardOf.has(instanceId)) this.#clear(this.#left, instanceId);
  }
}
