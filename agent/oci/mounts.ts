import type { OciMount } from "./types.ts";

/**
 * What a worker's /tmp is made of: a tmpfs of its own, whose pages count as the worker's memory, or a directory
 * (mode 1777) on a file system that keeps the size itself.
 */
export type TmpSource = { readonly kind: "tmpfs" } | { readonly kind: "bind"; readonly source: string };

export interface MountsInput {
  readonly tmp: TmpSource;
  readonly tmpBytes: number;
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

function tmp({ tmp: source, tmpBytes }: MountsInput): OciMount {
  return source.kind === "bind"
    ? { destination: "/tmp", type: "bind", source: source.source, options: ["bind", "rw", "nosuid", "nodev"] }
    : {
        destination: "/tmp",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "nodev", "mode=1777", `size=${tmpBytes}`],
      };
}

function readOnlyFile(destination: string, source: string): OciMount {
  return { destination, type: "bind", source, options: ["bind", "ro", "nosuid", "nodev", "noexec"] };
}
