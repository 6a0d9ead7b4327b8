import { lstat, readlink } from "node:fs/promises";
import { isAbsolute, join } from "node:path";

/** As many as the kernel follows for one path (path_resolution(7)). */
const mostLinks = 40;

/**
 * A path of an image as a container of it would come to it, without links and `..`: nothing in the image leads out of its
 * root. (The kernel has this as RESOLVE_IN_ROOT of openat2(2), which Node does not offer.) It holds for as long as nobody
 * changes what is below the root.
 * @param root where this process finds the container's root
 * @param path absolute, as the container would name it; so is the result
 * @returns undefined: there is nothing, or its links go in circles
 */
export async function pathInRoot(root: string, path: string): Promise<string | undefined> {
  const resolved: string[] = [];
  const ahead = namesOf(path);
  let links = 0;
  for (let name = ahead.shift(); name !== undefined; name = ahead.shift()) {
    if (name === "..") {
      resolved.pop();
      continue;
    }
    const here = join(root, ...resolved, name);
    const stats = await lstat(here).catch(() => undefined);
    if (stats?.isSymbolicLink()) {
      links += 1;
      const target = await readlink(here).catch(() => undefined);
      if (target === undefined || links > mostLinks) return undefined;
      if (isAbsolute(target)) resolved.length = 0;
      ahead.unshift(...namesOf(target));
    } else if (stats?.isDirectory() || (stats !== undefined && ahead.length === 0)) {
      resolved.push(name);
    } else {
      return undefined;
    }
  }
  return join("/", ...resolved);
}

function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}
