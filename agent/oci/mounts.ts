import type { OciMount, OciUser } from "./types.ts";

/**
 * What a worker's /tmp is made of: a tmpfs of its own, whose pages count as the worker's memory; a block device with
 * an ext4 file system, whose pages the kernel writes out when memory is short; or a directory of the host. The last
 * two hold the size themselves and let the worker write (mode 1777).
 */
export type TmpSource =
  | { readonly kind: "tmpfs" }
  | { readonly kind: "ext4"; readonly device: string }
  | { readonly kind: "bind"; readonly source: string };

export interface MountsInput {
  readonly tmp: TmpSource;
  readonly tmpBytes: number;
  /** Who the worker runs as. */
  readonly user: OciUser;
  readonly resolvConfPath: string;
  readonly hostsPath: string;
}

/**
 * A worker's mounts. /tmp is the only one that can be written: /dev is made read-only once its nodes stand, and
 * /dev/shm, /dev/mqueue and /run, which other containers get, are left out, as on Lambda.
 */
export function buildMounts(input: MountsInput): OciMount[] {
  return [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "noexec", "strictatime", "mode=755", "size=64k", "ro"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
    tmp(input),
    readOnlyFile("/etc/resolv.conf", input.resolvConfPath),
    readOnlyFile("/etc/hosts", input.hostsPath),
  ];
}

function tmp({ tmp: source, tmpBytes, user }: MountsInput): OciMount {
  switch (source.kind) {
    case "bind":
      return { destination: "/tmp", type: "bind", source: source.source, options: ["bind", "rw", "nosuid", "nodev"] };
    case "ext4":
      // `discard` gives the space of deleted files back to the host.
      return {
        destination: "/tmp",
        type: "ext4",
        source: source.device,
        options: ["nosuid", "nodev", "noatime", "discard"],
      };
    case "tmpfs":
      // The owner is named because runc gives a tmpfs the mode of the image's own /tmp, which may keep others out.
      return {
        destination: "/tmp",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "nodev", "mode=1777", `uid=${user.uid}`, `gid=${user.gid}`, `size=${tmpBytes}`],
      };
  }
}

function readOnlyFile(destination: string, source: string): OciMount {
  return { destination, type: "bind", source, options: ["bind", "ro", "nosuid", "nodev", "noexec"] };
}
