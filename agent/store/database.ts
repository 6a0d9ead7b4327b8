import { accessSync, constants, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLOutputValue, type StatementSync } from "node:sqlite";
import type { PresentRecord, WorkerRecord } from "../workers/records.ts";
import { missingSteps } from "./migrations.ts";

/** A record with when it came to be so, in milliseconds since 1970. */
export interface Entry {
  readonly record: WorkerRecord;
  readonly changedAtMs: number;
}

/** What is in the database is not what SQLite or we wrote. */
export class DamagedError extends Error {}

/** Somebody removed or replaced the file while it was open. */
export class FileGoneError extends Error {}

/** The SQLite file, open. Every method may throw what `troubleOf` knows how to read, and then only `close` is of use. */
export class WorkerDatabase implements Disposable {
  readonly #path: string;
  readonly #inode: number;
  readonly #database: DatabaseSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;

  /**
   * Opens the database, made anew where there is none, looks whether it is whole, and brings its schema up to date.
   * @param waitMs how long another process's lock is waited for, which blocks this whole process
   */
  constructor(path: string, waitMs: number) {
    mkdirSync(dirname(path), { recursive: true });
    this.#path = path;
    const database = openFile(path, waitMs);
    try {
      prepareDatabase(database);
      this.#put = database.prepare(
        `INSERT OR REPLACE INTO workers VALUES (:workerId, :containerId, :instanceId, :function, :slot, :owner, :state,
         :reason, :network, :lastAccessMs, :changedAtMs)`,
      );
      this.#remove = database.prepare("DELETE FROM workers WHERE worker_id = ?");
      this.#inode = statSync(path).ino;
    } catch (error) {
      database.close();
      throw denialAt(path) ?? error;
    }
    this.#database = database;
  }

  load(): Entry[] {
    return this.#database.prepare("SELECT * FROM workers").all().map(toEntry);
  }

  /**
   * All of it or nothing.
   * @param waitMs as for the opening; it holds for the closing as well
   */
  write(changed: readonly Entry[], removed: readonly string[], waitMs: number): void {
    // A file that is unlinked takes writes all the same, and nobody ever sees them again.
    if (statSync(this.#path, { throwIfNoEntry: false })?.ino !== this.#inode) throw new FileGoneError("it is gone");
    this.#database.exec(`PRAGMA busy_timeout = ${waitMs}`);
    inTransaction(this.#database, () => {
      for (const workerId of removed) this.#remove.run(workerId);
      for (const { record, changedAtMs } of changed) {
        this.#put.run({
          ...record,
          containerId: record.containerId ?? null,
          reason: record.reason ?? null,
          network: record.network ?? null,
          lastAccessMs: Math.round(record.lastAccessMs),
          changedAtMs: Math.round(changedAtMs),
        });
      }
    });
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

function openFile(path: string, waitMs: number): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: waitMs });
  } catch (error) {
    throw denialAt(path) ?? error;
  }
}

/** The system's word for why nothing may be written: SQLite often says no more than that it cannot open a file. */
function denialAt(path: string): Error | undefined {
  for (const place of [dirname(path), path]) {
    try {
      accessSync(place, constants.W_OK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") return error as Error;
    }
  }
  return undefined;
}

function prepareDatabase(database: DatabaseSync): void {
  // First of all: a newer esb's database is not touched.
  const missing = missingSteps(database);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  const faults = database.prepare("PRAGMA quick_check(1)").all();
  if (faults[0]?.quick_check !== "ok") throw new DamagedError(String(faults[0]?.quick_check));
  // Nothing is written without need: what can only be read still tells of the last accesses.
  if (missing.length === 0) return;
  inTransaction(database, () => {
    for (const step of missing) database.exec(step);
  });
}

/** @param work is undone when it throws */
function inTransaction(database: DatabaseSync, work: () => void): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    work();
    database.exec("COMMIT");
  } catch (error) {
    // SQLite has undone it by itself after some failures, such as a full disk.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** The schema sees to the types, and to what goes with which state. */
function toEntry(row: Record<string, SQLOutputValue>): Entry {
  const remembered = {
    workerId: String(row.worker_id),
    instanceId: String(row.instance_id),
    function: String(row.function),
    slot: Number(row.slot),
    owner: String(row.owner),
    network: row.network === null ? undefined : String(row.network),
    lastAccessMs: Number(row.last_access_ms),
  };
  const record: WorkerRecord =
    row.state === "ERROR"
      ? { ...remembered, state: "ERROR", containerId: undefined, reason: String(row.reason) }
      : { ...remembered, state: stateOf(row), containerId: String(row.container_id), reason: undefined };
  return { record, changedAtMs: Number(row.changed_at_ms) };
}

function stateOf(row: Record<string, SQLOutputValue>): PresentRecord["state"] {
  return row.state === "IDLE" ? "IDLE" : "ACTIVE";
}
