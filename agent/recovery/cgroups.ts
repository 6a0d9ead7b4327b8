import { access, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { delay } from "../../common/delay.ts";
import { workersFolder } from "../oci/cgroup-paths.ts";

export interface CgroupsOptions {
  /** Where the kernel shows them: /sys/fs/cgroup. */
  readonly root: string;
  /** Folder of our workers in each hierarchy. */
  readonly namespace: string;
  readonly kill: (pid: number) => void;
}

/** Control groups of workers that outlived them. */
export interface Cgroups {
  /** Names below our namespace's folder, of the unified hierarchy and of each of version 1. */
  list(): Promise<string[]>;
  /** Ends what still runs in a worker's groups and removes them; succeeds when there are none. */
  remove(id: string): Promise<void>;
}

/** Processes that were killed leave their group a moment later. */
const tries = 40;
const pauseMs = 25;

export function createCgroups({ root, namespace, kill }: CgroupsOptions): Cgroups {
  async function parents(): Promise<string[]> {
    const isUnified = await access(join(root, "cgroup.controllers")).then(
      () => true,
      () => false,
    );
    const hierarchies = isUnified ? [undefined] : await subfolders(root);
    return hierarchies.map((hierarchy) => workersFolder(root, namespace, hierarchy));
  }

  async function end(folder: string): Promise<void> {
    const pids = await readFile(join(folder, "cgroup.procs"), "utf8").catch(() => "");
    for (const pid of pids.split("\n").map(Number)) if (pid > 0) kill(pid);
    // A frozen process dies of its SIGKILL only once it is thawed (version 1; 2 does it by itself).
    await writeFile(join(folder, "freezer.state"), "THAWED", { flag: "r+" }).catch(() => undefined);
  }

  /** Innermost first, as the kernel wants it. */
  async function removeTree(folder: string): Promise<void> {
    for (let left = tries; ; left -= 1) {
      try {
        await rmdir(folder);
        return;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "ENOENT") return;
        if (!isInUse(code) || left === 0) throw error;
      }
      for (const name of await subfolders(folder)) await removeTree(join(folder, name));
      if (left < tries) await delay(pauseMs);
      await end(folder);
    }
  }

  return {
    async list() {
      const names = await Promise.all((await parents()).map(subfolders));
      return [...new Set(names.flat())];
    },
    async remove(id) {
      const found = (await parents()).map((parent) => join(parent, id));
      await Promise.all(found.map(removeTree));
    },
  };
}

function isInUse(code: string | undefined): boolean {
  return code === "EBUSY" || code === "ENOTEMPTY";
}

async function subfolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}
