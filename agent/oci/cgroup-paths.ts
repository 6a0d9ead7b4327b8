import { join } from "node:path";

/** A worker's control group, from the root of a hierarchy on: the runtime spec's cgroupsPath. */
export function cgroupsPath(namespace: string, id: string): string {
  return `/${namespace}/${id}`;
}

/**
 * The folder in which the kernel shows the control groups of a namespace's workers, one folder each.
 * @param root /sys/fs/cgroup
 * @param hierarchy of version 1, such as `freezer`, each with a folder of its own; absent: the unified one of version 2
 */
export function workersFolder(root: string, namespace: string, hierarchy = ""): string {
  return join(root, hierarchy, namespace);
}
