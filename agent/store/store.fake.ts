import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TestContext } from "node:test";
import { recordedMs } from "../workers/records.fake.ts";
import { databasePathIn } from "./files.ts";
import { WorkerStore, type WorkerStoreOptions } from "./store.ts";

/** What the clock says at first, which is the last access of a record that says nothing else. */
export const startMs = recordedMs;

interface TestStore {
  readonly path: string;
  /** Level, the kind of trouble if one is named, and the message. */
  readonly logged: string[];
  /** A store on the test's file, as an agent that starts has it. */
  open(): WorkerStore;
  /** Lets time pass, for the store's timers and its clock. */
  pass(milliseconds: number): void;
}

/** Stores on a file in a folder of the test's own, on a clock that stands still; all go at the end of the test. */
export function testStore(t: TestContext, inFolder = ""): TestStore {
  const folder = mkdtempSync(join(tmpdir(), "esb-store-"));
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const logged: string[] = [];
  const log = (level: string) => (fields: { trouble?: string }, text: string) =>
    logged.push([level, fields.trouble, text].filter((part) => part !== undefined).join(" "));
  const logger = {
    error: log("error"),
    warn: log("warn"),
    info: log("info"),
  } as unknown as WorkerStoreOptions["logger"];
  let nowMs = startMs;
  const stores: WorkerStore[] = [];
  t.after(() => {
    for (const store of stores) store[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  const path = databasePathIn(join(folder, inFolder));
  return {
    path,
    logged,
    open() {
      const store = new WorkerStore({ path, logger, now: () => nowMs });
      stores.push(store);
      return store;
    },
    pass(milliseconds) {
      nowMs += milliseconds;
      t.mock.timers.tick(milliseconds);
    },
  };
}

/** `<id> <state> <container or reason>` of each row, as another process reads them. */
export function rowsIn(path: string): string[] {
  using database = new DatabaseSync(path);
  const rows = database.prepare("SELECT * FROM workers ORDER BY worker_id").all();
  return rows.map((row) => `${row.worker_id} ${row.state} ${row.container_id ?? row.reason}`);
}
