import { rm } from "node:fs/promises";
import type { Logger } from "../../common/logger.ts";
import { installLogDriver, type LogDriverOptions, logDriverUri, removeLogDriver } from "./driver.ts";
import { listLogs, makeLogFolder, removeLogs } from "./files.ts";
import { type FollowOptions, followLogs } from "./follow.ts";
import type { LogOwner } from "./names.ts";
import { type LogRequest, readLog } from "./read.ts";

/** What the workers print (W9). Logging drivers beside the workers write it; we say where, read it and remove it. */
export function createWorkerLogs(options: LogDriverOptions) {
  const { stateDir, folder } = options;
  return {
    /** Before the first worker is started. */
    async prepare(logger: Pick<Logger, "warn">): Promise<void> {
      await makeLogFolder(folder);
      await installLogDriver(stateDir, logger);
    },
    /** Where containerd is to send stdout and stderr of a worker's function, or of its extension of this number. */
    driverUri: (owner: LogOwner, extension?: number) => logDriverUri(options, owner, extension),
    /** See `readLog`. */
    read: (owner: LogOwner, request: LogRequest, isThere: () => boolean, signal: AbortSignal) =>
      readLog(folder, owner, request, isThere, signal),
    /** See `followLogs`. */
    follow: (request: Omit<FollowOptions, "folder">) => followLogs({ folder, ...request }),
    /** Ids of the workers that have a log. */
    list: () => listLogs(folder),
    /** Removes all logs of a worker that is gone. */
    remove: (id: string) => removeLogs(folder, id),
    async removeAll(): Promise<void> {
      await rm(folder, { recursive: true, force: true });
      await removeLogDriver(stateDir);
    },
  };
}
