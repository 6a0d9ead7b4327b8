import { type FSWatcher, watch } from "node:fs";
import { readFile, realpath } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";

/** A file that is read again whenever it may have changed. */
export interface WatchedFile extends Disposable {
  /** Its text as it is now. @throws the error of readFile */
  read(): Promise<string>;
}

/** Editors write, rename and remove within a few milliseconds; what comes within this time is one change. */
const settleMs = 25;
/** For what no notification comes for: network file systems, bind mounts, a folder that is itself replaced. */
const pollMs = 1000;

/**
 * Calls back when a file may have changed. Watches folders, not the file, since most editors put a new file in its
 * place; also the folder that a symbolic link leads to. May call back without a change.
 */
export function watchFile(path: string, onMaybeChanged: () => void): WatchedFile {
  const watchers = new Map<string, FSWatcher>();
  let settling: NodeJS.Timeout | undefined;
  let disposed = false;

  const settle = () => {
    settling ??= setTimeout(() => {
      settling = undefined;
      void follow();
      onMaybeChanged();
    }, settleMs).unref();
  };

  const follow = async () => {
    const links = [resolve(path), await realpath(path).catch(() => resolve(path))];
    if (disposed) return;
    const folders = new Map(links.map((link) => [dirname(link), basename(link)]));
    for (const [folder, watcher] of watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      watchers.delete(folder);
    }
    for (const folder of folders.keys()) {
      if (watchers.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, settle);
        watcher.on("error", () => {
          watcher.close();
          watchers.delete(folder);
        });
        watchers.set(folder, watcher);
      } catch {
        // The folder is not there, or no watches are left: the poll below goes on.
      }
    }
  };

  void follow();
  const poll = setInterval(settle, pollMs).unref();
  return {
    read: () => readFile(path, "utf8"),
    [Symbol.dispose]() {
      disposed = true;
      clearTimeout(settling);
      clearInterval(poll);
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}
