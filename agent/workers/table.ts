import { randomBytes } from "node:crypto";
import type { RemovalReason, Worker, WorkerChange } from "./worker.ts";

export interface PositionedChange {
  /** Where to go on from, right behind this change. */
  readonly position: string;
  readonly change: WorkerChange;
}

export type WatchMessage =
  | { readonly type: "snapshot"; readonly position: string; readonly workers: readonly Worker[] }
  | ({ readonly type: "change" } & PositionedChange);

/**
 * The workers that the agent knows of, and the journal of their changes that watchers read from. A position is
 * `<epoch>.<number>`: the epoch is this table's, so that a position from before a restart is told apart.
 */
export class WorkerTable {
  readonly #epoch = randomBytes(6).toString("hex");
  readonly #workers = new Map<string, Worker>();
  readonly #journal: WorkerChange[] = [];
  readonly #journalLimit: number;
  #count = 0;
  #changed = Promise.withResolvers<void>();

  constructor(journalLimit = 4096) {
    this.#journalLimit = journalLimit;
  }

  get position(): string {
    return `${this.#epoch}.${this.#count}`;
  }

  get(id: string): Worker | undefined {
    return this.#workers.get(id);
  }

  /** All workers, by id. */
  all(): Worker[] {
    return [...this.#workers.values()].sort((a, b) => (a.identity.id < b.identity.id ? -1 : 1));
  }

  set(worker: Worker): void {
    this.#workers.set(worker.identity.id, worker);
    this.#append({ type: "changed", worker });
  }

  /** Forgets a worker; does nothing when it is not known, so that two who notice an end tell of it once. */
  remove(id: string, reason: RemovalReason, exitStatus?: number): void {
    const worker = this.#workers.get(id);
    if (worker === undefined) return;
    this.#workers.delete(id);
    this.#append({ type: "removed", worker, reason, exitStatus });
  }

  /** What has happened since a position, then what happens, until the signal aborts. */
  async *watch(position: string, signal: AbortSignal): AsyncGenerator<WatchMessage, void> {
    let next = this.#numberOf(position);
    const aborted = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => aborted.resolve(), { once: true });
    while (!signal.aborted) {
      if (next === undefined || next < this.#count - this.#journal.length) {
        next = this.#count;
        yield { type: "snapshot", position: this.position, workers: this.all() };
      }
      while (next < this.#count) {
        const change = this.#journal[this.#journal.length - (this.#count - next)];
        if (change === undefined) break;
        next += 1;
        yield { type: "change", position: `${this.#epoch}.${next}`, change };
      }
      if (next === this.#count) await Promise.race([this.#changed.promise, aborted.promise]);
    }
  }

  #numberOf(position: string): number | undefined {
    const [epoch, number] = position.split(".");
    const count = Number(number);
    return epoch === this.#epoch && Number.isInteger(count) && count >= 0 && count <= this.#count ? count : undefined;
  }

  #append(change: WorkerChange): void {
    this.#journal.push(change);
    if (this.#journal.length > this.#journalLimit) this.#journal.shift();
    this.#count += 1;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
