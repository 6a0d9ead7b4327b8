import { randomBytes } from "node:crypto";
import type { WorkerRecords } from "./records.ts";
import { rememberRemoval, rememberWorker } from "./remember.ts";
import { isSameWorker, type RemovalReason, type Worker, type WorkerChange } from "./worker.ts";

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
  readonly #sleepers = new Set<() => void>();
  readonly #records: WorkerRecords;
  #count = 0;

  constructor(records: WorkerRecords, journalLimit = 4096) {
    this.#records = records;
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

  /** Keeps what is known of a worker; watchers are not told when it was known already. */
  set(worker: Worker): void {
    const known = this.#workers.get(worker.identity.id);
    this.#workers.set(worker.identity.id, worker);
    rememberWorker(this.#records, worker);
    if (known !== undefined && isSameWorker(known, worker)) return;
    this.#append({ type: "changed", worker });
  }

  /** Forgets a worker. Watchers are not told when it was not known, so that two who notice an end tell of it once. */
  remove(id: string, reason: RemovalReason, exitStatus?: number): void {
    const worker = this.#workers.get(id);
    rememberRemoval(this.#records, id, worker, reason, exitStatus);
    if (worker === undefined) return;
    this.#workers.delete(id);
    this.#append({ type: "removed", worker, reason, exitStatus });
  }

  /** What has happened since a position, then what happens, until the signal aborts. */
  async *watch(position: string, signal: AbortSignal): AsyncGenerator<WatchMessage, void> {
    let next = this.#numberOf(position);
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
      if (next === this.#count) await this.#nextChange(signal);
    }
  }

  /**
   * Resolves with the next change or abort. A promise for each time: a watch may last for months, and a race against
   * one long-lived promise would keep a piece of memory for each change until its end.
   */
  async #nextChange(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const woken = Promise.withResolvers<void>();
    const wake = () => woken.resolve();
    this.#sleepers.add(wake);
    signal.addEventListener("abort", wake, { once: true });
    await woken.promise;
    this.#sleepers.delete(wake);
    signal.removeEventListener("abort", wake);
  }

  #numberOf(position: string): number | undefined {
    const [, epoch, digits] = /^([^.]+)\.(\d+)$/.exec(position) ?? [];
    const count = Number(digits);
    return epoch === this.#epoch && count <= this.#count ? count : undefined;
  }

  #append(change: WorkerChange): void {
    this.#journal.push(change);
    if (this.#journal.length > this.#journalLimit) this.#journal.shift();
    this.#count += 1;
    for (const wake of this.#sleepers) wake();
  }
}
