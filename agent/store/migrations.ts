import type { DatabaseSync } from "node:sqlite";

/**
 * The schema, step by step: a database says in `PRAGMA user_version` how many of them it has been through. A step that
 * has been released is never changed; what is new comes behind it.
 */
const migrations: readonly string[] = [
  `CREATE TABLE workers (
     worker_id      TEXT NOT NULL PRIMARY KEY,
     container_id   TEXT,
     instance_id    TEXT NOT NULL,
     function       TEXT NOT NULL,
     slot           INTEGER NOT NULL,
     owner          TEXT NOT NULL,
     state          TEXT NOT NULL CHECK (state IN ('ACTIVE', 'IDLE', 'ERROR')),
     reason         TEXT,
     network        TEXT,
     last_access_ms INTEGER NOT NULL,
     changed_at_ms  INTEGER NOT NULL,
     CHECK ((state = 'ERROR') = (container_id IS NULL)),
     CHECK ((state = 'ERROR') = (reason IS NOT NULL))
   ) STRICT, WITHOUT ROWID`,
];

/** The database is from a later esb, which alone knows what its tables mean. */
export class NewerSchemaError extends Error {
  constructor(found: number) {
    super(`its schema is version ${found}, this esb knows ${migrations.length}`);
  }
}

/**
 * The steps that a database lacks, as SQL; for a new database, all of them.
 * @throws NewerSchemaError
 */
export function missingSteps(database: DatabaseSync): string[] {
  const row = database.prepare("PRAGMA user_version").get();
  const version = Number(row?.user_version);
  if (version > migrations.length) throw new NewerSchemaError(version);
  return migrations.slice(version).map((step, index) => `${step}; PRAGMA user_version = ${version + index + 1}`);
}
