import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readOptional } from "../files.ts";
import { workersFolder } from "../oci/cgroup-paths.ts";

/** The kernel's own word about which workers are frozen. */
export interface Freezer {
  /** Undefined where the kernel does not show it: another cgroup namespace, or a runtime with a kernel of its own. */
  isFrozen(id: string): Promise<boolean | undefined>;
  /** @throws when the kernel refuses */
  freeze(id: string): Promise<void>;
  /** @throws when the kernel refuses */
  thaw(id: string): Promise<void>;
}

/**
 * When containerd is killed in the middle of a Pause or Resume, its shim kills runc, which may have done its work by
 * then: the shim goes on believing that the task runs while it is frozen, or the other way round, and refuses what would
 * mend it.
 * @param root where the kernel shows control groups: /sys/fs/cgroup
 * @param namespace of our workers
 */
export function createFreezer(root: string, namespace: string): Freezer {
  /** Kernel documentation: cgroup-v1/freezer-subsystem.rst. */
  const v1 = (id: string) => join(workersFolder(root, namespace, "freezer"), id, "freezer.state");
  /** Kernel documentation: cgroup-v2.rst, cgroup.freeze and cgroup.events. */
  const v2 = (id: string, file: string) => join(workersFolder(root, namespace), id, file);

  async function set(id: string, [old, unified]: readonly [string, string]): Promise<void> {
    const isOld = (await readOptional(v1(id))) !== undefined;
    // Never made here: only the kernel makes these files.
    await writeFile(isOld ? v1(id) : v2(id, "cgroup.freeze"), isOld ? old : unified, { flag: "r+" });
  }

  return {
    async isFrozen(id) {
      const state = await readOptional(v1(id));
      // FREEZING is on its way to FROZEN.
      if (state !== undefined) return state.trim() !== "THAWED";
      const events = await readOptional(v2(id, "cgroup.events"));
      const [, frozen] = /^frozen (\d)$/m.exec(events ?? "") ?? [];
      return frozen === undefined ? undefined : frozen === "1";
    },
    freeze: (id) => set(id, ["FROZEN", "1"]),
    thaw: (id) => set(id, ["THAWED", "0"]),
  };
}
