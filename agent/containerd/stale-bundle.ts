import { once } from "node:events";
import { lstat, readdir, readFile, rmdir, unlink } from "node:fs/promises";
import { connect } from "node:net";
import { basename, dirname, join } from "node:path";

/**
 * A containerd that was out of file descriptors when a start failed can't remove the task's folder either, and from then
 * on refuses every task of this id, until somebody does.
 * @param words of containerd's refusal, which name the folder
 * @returns whether there was such a folder and it is gone; false also where it is out of our sight, in another container
 */
export async function removeStaleBundle(words: string, id: string): Promise<boolean> {
  const [, folder] = /\bmkdir (\/\S+): file exists/.exec(words) ?? [];
  if (folder === undefined || basename(folder) !== id) return false;
  try {
    await readdir(folder);
    if (await hasShim(folder)) return false;
    // containerd renames a folder before it removes it: what it could not remove before is still there.
    await removeShallow(join(dirname(folder), `.${id}`));
    await removeShallow(folder);
    return true;
  } catch {
    return false;
  }
}

/** Whether a shim answers whose address is in the folder. */
async function hasShim(folder: string): Promise<boolean> {
  for (const address of await shimAddresses(folder)) if (await answers(address)) return true;
  return false;
}

/** containerd 1.6 keeps the address in a file of its own, 2.x beside how to speak to the shim. */
async function shimAddresses(folder: string): Promise<string[]> {
  const [address, bootstrap] = await Promise.all([
    textOf(join(folder, "address")),
    textOf(join(folder, "bootstrap.json")),
  ]);
  return [address, /"address":\s*"([^"]+)"/.exec(bootstrap)?.[1] ?? ""].filter((one) => one !== "");
}

/** Empty for a file that is not there. */
async function textOf(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
}

async function answers(address: string): Promise<boolean> {
  const socket = connect(address.trim().replace(/^unix:\/\//, ""));
  try {
    await once(socket, "connect");
    return true;
  } catch (error) {
    // Anything else, such as a lack of file descriptors of our own, says nothing of the shim.
    return !["ECONNREFUSED", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "");
  } finally {
    socket.destroy();
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
