import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const cache = join(import.meta.dirname, "../../.cache");

/**
 * A folder that `make` fills once for each content of `key`, also when several processes want it at once. It is said
 * before, since it may take minutes.
 * @param name its place in .cache, such as `runtimes/node-x64`
 */
export async function cached(name: string, key: string, make: (work: string) => Promise<void>): Promise<string> {
  const folder = join(cache, `${name}-${createHash("sha256").update(key).digest("hex").slice(0, 16)}`);
  if ((await stat(folder).catch(() => undefined)) !== undefined) return folder;
  process.stdout.write(`making ${basename(name)} in .cache/${dirname(name)}, once; this may take minutes\n`);
  await mkdir(dirname(folder), { recursive: true });
  const work = await mkdtemp(join(dirname(folder), ".installing-"));
  try {
    await make(work);
    await rename(work, folder).catch((error: NodeJS.ErrnoException) => {
      // Another test process was quicker.
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return folder;
}
