import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerdClient } from "./client.ts";

const suffix = ".log";

/** Where a worker's log is. */
export function logPathIn(folder: string, id: string): string {
  return join(folder, `${id}${suffix}`);
}

/** Removes the logs of workers whose container is gone. Only while none is being made. */
export async function sweepLogs(client: ContainerdClient, folder: string, signal: AbortSignal): Promise<void> {
  const { containers } = await client.containers.list({ filters: [] }, { signal });
  const ids = new Set(containers.map(({ id }) => id));
  const logs = (await readdir(folder)).filter((name) => name.endsWith(suffix));
  const stale = logs.filter((name) => !ids.has(name.slice(0, -suffix.length)));
  await Promise.all(stale.map((name) => rm(join(folder, name), { force: true })));
}
