import { DamagedError, FileGoneError } from "./database.ts";
import { NewerSchemaError } from "./migrations.ts";

export type TroubleKind = "damaged" | "gone" | "newer" | "locked" | "read-only" | "full" | "disk" | "not-usable";

/** What is wrong with the database, and what an operator can do. */
export interface Trouble {
  readonly kind: TroubleKind;
  readonly what: string;
  readonly remedy: string;
}

const troubles: Record<TroubleKind, Omit<Trouble, "kind">> = {
  damaged: { what: "the file is damaged", remedy: "nothing: it is put aside and a new one begun" },
  gone: { what: "the file was removed or replaced", remedy: "nothing: a new one is begun" },
  newer: {
    what: "a newer esb wrote it",
    remedy: "run that version again, or move the file away and restart the agent",
  },
  locked: { what: "another process has it locked", remedy: "end that process; no two agents share a state folder" },
  "read-only": { what: "it may not be written", remedy: "make the folder, the file and its file system writable" },
  full: { what: "the disk is full", remedy: "make room on the disk of ESB_STATE_DIR" },
  disk: { what: "the disk reports an error", remedy: "look at the kernel's log and check the disk" },
  "not-usable": { what: "it cannot be opened", remedy: "look at what is at this path and in the folders above it" },
};

/**
 * SQLite's result codes: primary ones, the low byte of `errcode`, and where that says too little, extended ones:
 * https://www.sqlite.org/rescode.html
 */
const bySqliteCode: Readonly<Record<number, TroubleKind>> = {
  // A table or a column that is not there.
  1: "damaged",
  3: "read-only",
  5: "locked",
  6: "locked",
  8: "read-only",
  10: "disk",
  11: "damaged",
  13: "full",
  26: "damaged",
  // SQLITE_IOERR_SHMSIZE: the index of the write-ahead log could not grow, for which there is no other cause in practice.
  4874: "full",
};

const bySystemCode: Readonly<Record<string, TroubleKind>> = {
  EACCES: "read-only",
  EPERM: "read-only",
  EROFS: "read-only",
  ENOSPC: "full",
  EDQUOT: "full",
  EIO: "disk",
};

/** Reads what SQLite, the file system or our own look at the database has thrown. */
export function troubleOf(error: unknown): Trouble {
  const kind = kindOf(error);
  return { kind, ...troubles[kind] };
}

function kindOf(error: unknown): TroubleKind {
  if (error instanceof NewerSchemaError) return "newer";
  if (error instanceof DamagedError) return "damaged";
  if (error instanceof FileGoneError) return "gone";
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  if (typeof errcode === "number") {
    return bySqliteCode[errcode] ?? bySqliteCode[errcode & 0xff] ?? "not-usable";
  }
  return bySystemCode[String(code)] ?? "not-usable";
}
