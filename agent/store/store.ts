import type { Logger } from "../../common/logger.ts";
import type { WorkerRecord, WorkerRecords } from "../workers/records.ts";
import { type Entry, WorkerDatabase } from "./database.ts";
import { putAside } from "./files.ts";
import { Outage } from "./outage.ts";
import { expiredErrors } from "./retention.ts";
import { troubleOf } from "./trouble.ts";

export interface WorkerStoreOptions {
  /** The database's file; its folder is made. */
  readonly path: string;
  readonly logger: Pick<Logger, "error" | "warn" | "info">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Changes of that long go to the disk together. */
const collectMs = 20;
/** At the start another process, such as somebody's `sqlite3`, is waited for; later never, as all would stand still. */
const startWaitMs = 500;

/**
 * S2: the workers' records, in memory, and behind that in SQLite. All reading is from memory. Of what has changed only
 * the workers' ids are noted, so that whatever goes wrong with the file, the next write puts down how it is by then.
 */
export class WorkerStore implements WorkerRecords, Disposable {
  readonly #options: WorkerStoreOptions;
  readonly #outage: Outage;
  readonly #entries = new Map<string, Entry>();
  /** Ids of what the disk does not have as the memory has it. */
  readonly #unwritten = new Set<string>();
  #database: WorkerDatabase | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Without a database for good: nothing is noted for it. */
  #disabled = false;

  /** Opens the database. That it can't be used is logged, and no error. */
  constructor(options: WorkerStoreOptions) {
    this.#options = options;
    this.#outage = new Outage(options);
    this.#flush(startWaitMs);
  }

  save(record: WorkerRecord): void {
    this.#set(record);
  }

  get(workerId: string): WorkerRecord | undefined {
    return this.#entries.get(workerId)?.record;
  }

  getContainerId(workerId: string): string | undefined {
    return this.get(workerId)?.containerId;
  }

  fail(workerId: string, reason: string): void {
    const record = this.get(workerId);
    if (record === undefined || record.state === "ERROR") return;
    this.#set({ ...record, containerId: undefined, state: "ERROR", reason });
  }

  remove(workerId: string): void {
    if (this.#entries.delete(workerId)) this.#note(workerId);
  }

  all(): WorkerRecord[] {
    return [...this.#entries.values()].map(({ record }) => record);
  }

  /** Writes what is left, if it can be written, and closes the database. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    if (this.#unwritten.size > 0) this.#flush(startWaitMs);
    clearTimeout(this.#timer);
    this.#disable();
    this.#close();
  }

  #set(record: WorkerRecord): void {
    this.#entries.set(record.workerId, { record, changedAtMs: this.#options.now() });
    this.#note(record.workerId);
  }

  #note(workerId: string): void {
    if (this.#disabled) return;
    this.#unwritten.add(workerId);
    // During an outage the next try is timed already.
    this.#timer ??= this.#flushIn(collectMs);
  }

  #flushIn(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => this.#flush(0), milliseconds).unref();
  }

  #flush(waitMs: number): void {
    this.#timer = undefined;
    try {
      try {
        this.#write(waitMs);
      } catch (error) {
        this.#close();
        this.#clearTheWay(error);
        this.#write(waitMs);
      }
      this.#outage.over();
    } catch (error) {
      this.#close();
      const trouble = troubleOf(error);
      const pauseMs = this.#outage.failed(trouble, error);
      if (trouble.kind !== "newer") this.#timer = this.#flushIn(pauseMs);
      else this.#disable();
    }
  }

  #write(waitMs: number): void {
    const database = this.#database ?? this.#open(waitMs);
    for (const workerId of expiredErrors(this.#entries.values(), this.#options.now())) {
      this.#entries.delete(workerId);
      this.#unwritten.add(workerId);
    }
    const ids = [...this.#unwritten];
    const changed = ids.map((id) => this.#entries.get(id)).filter((entry) => entry !== undefined);
    const removed = ids.filter((id) => !this.#entries.has(id));
    if (ids.length > 0) database.write(changed, removed, waitMs);
    this.#unwritten.clear();
  }

  /** What the memory has is newer than what the file has, whatever kept the two apart. */
  #open(waitMs: number): WorkerDatabase {
    this.#database = new WorkerDatabase(this.#options.path, waitMs);
    for (const id of this.#entries.keys()) this.#unwritten.add(id);
    for (const entry of this.#database.load()) {
      const { workerId } = entry.record;
      if (!this.#unwritten.has(workerId)) this.#entries.set(workerId, entry);
    }
    return this.#database;
  }

  /** Makes room for a new database. @throws the error itself where a new one would not help; Error of the file system */
  #clearTheWay(error: unknown): void {
    const { path, logger, now } = this.#options;
    const { kind } = troubleOf(error);
    if (kind === "gone") {
      logger.warn({ path }, "the workers' database was removed or replaced from outside: a new one is begun");
    } else if (kind === "damaged") {
      const reason = error instanceof Error ? error.message : String(error);
      logger.error(
        { path, reason, keptAs: putAside(path, now()) },
        "the workers' database is damaged: it is put aside, and a new one begun from what containerd has",
      );
    } else throw error;
  }

  #disable(): void {
    this.#disabled = true;
    this.#unwritten.clear();
  }

  #close(): void {
    const database = this.#database;
    this.#database = undefined;
    try {
      database?.[Symbol.dispose]();
    } catch (error) {
      this.#options.logger.warn({ err: error, path: this.#options.path }, "the workers' database did not close well");
    }
  }
}
