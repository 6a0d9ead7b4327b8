import { lstat, readdir, rmdir, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** In the folder of a task whose shim has been started: somebody may still live there. */
const signsOfLife: readonly string[] = ["address", "init.pid"];

/**
 * A containerd that was out of file descriptors when a start failed can't remove the task's folder either, and from then
 * on refuses every task of this id, until somebody does.
 * @param words of containerd's refusal, which name the folder
 * @returns whether there was such a folder and it is gone; false also where it is out of our sight, in another container
 */
export async function removeStaleBundle(words: string, id: string): Promise<boolean> {
  const [, folder] = /\bmkdir (\/\S+): file exists/.exec(words) ?? [];
  if (folder === undefined || basename(folder) !== id) return false;
  const files = await readdir(folder).catch(() => undefined);
  if (files === undefined || files.some((name) => signsOfLife.includes(name))) return false;
  try {
    // containerd renames a folder before it removes it: what it could not remove before is still there.
    await removeShallow(join(dirname(folder), `.${id}`));
    await removeShallow(folder);
    return true;
  } catch {
    return false;
  }
}

/** Files and empty folders only: what is mounted at a root file system must not be emptied. */
async function removeShallow(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    if ((await lstat(path)).isDirectory()) await rmdir(path);
    else await unlink(path);
  }
  await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}
