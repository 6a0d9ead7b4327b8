import { readdir } from "node:fs/promises";
import { join } from "node:path";

const suffix = ".log";

/** Where a worker's log is. */
export function logPathIn(folder: string, id: string): string {
  return join(folder, `${id}${suffix}`);
}

/** Ids of the workers that have a log. */
export async function listLogs(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(suffix));
  return names.map((name) => name.slice(0, -suffix.length));
}
