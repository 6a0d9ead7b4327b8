import { readdirSync, renameSync, rmSync } from "node:fs";
import { glob, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const fileName = "esb.db";
/** What SQLite keeps beside a database, by what it adds to its name. */
const companions = ["", "-wal", "-shm"];
/** Damaged databases that are kept for whoever wants to look; older ones go. */
const keptAside = 2;

export function databasePathIn(stateDir: string): string {
  return join(stateDir, fileName);
}

/**
 * Moves a damaged database out of the way, whole, and forgets those that were moved long ago.
 * @param nowMs milliseconds since 1970
 * @returns where it is now
 * @throws Error of the file system
 */
export function putAside(path: string, nowMs: number): string {
  const aside = `${path}.corrupt-${new Date(nowMs).toISOString().replaceAll(":", "-")}`;
  for (const companion of companions) renameIfThere(`${path}${companion}`, `${aside}${companion}`);
  const all = readdirSync(dirname(path)).filter((name) => name.startsWith(`${basename(path)}.corrupt-`));
  const databases = all.filter((name) => !/-(wal|shm)$/.test(name)).sort();
  for (const old of databases.slice(0, -keptAside)) {
    for (const companion of companions) rmSync(join(dirname(path), `${old}${companion}`), { force: true });
  }
  return aside;
}

/** Removes the database and all that was put aside. @throws Error of the file system */
export async function removeDatabase(stateDir: string): Promise<void> {
  const ours = glob("esb.db{,-wal,-shm,.corrupt-*}", { cwd: stateDir });
  for await (const name of ours) await rm(join(stateDir, name), { force: true });
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
