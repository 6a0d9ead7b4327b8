/** What the kernel's own tables say, parsed; no I/O here. */

/** Capabilities that the agent, CNI plugins and runc need, with their numbers from linux/capability.h. */
const needed: Readonly<Record<string, number>> = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_NET_ADMIN: 12,
  CAP_SYS_CHROOT: 18,
  CAP_SYS_ADMIN: 21,
  CAP_MKNOD: 27,
};

/** Those that are missing in the text of /proc/self/status. */
export function missingCapabilities(status: string): string[] {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  return Object.entries(needed)
    .filter(([, bit]) => (effective & (1n << BigInt(bit))) === 0n)
    .map(([name]) => name);
}

export type CgroupSetup =
  | { readonly version: 2; readonly controllers: readonly string[] }
  | { readonly version: 1; readonly controllers: readonly string[] }
  | { readonly version: undefined };

/**
 * The cgroup version that runc uses: 2 when /sys/fs/cgroup itself is the unified hierarchy, else 1.
 * @param mounts text of /proc/self/mounts
 * @param unified text of /sys/fs/cgroup/cgroup.controllers, when there is one
 */
export function cgroupSetup(mounts: string, unified: string | undefined): CgroupSetup {
  const lines = mounts.split("\n").map((line) => line.split(" "));
  const atRoot = lines.filter(([, path]) => path === "/sys/fs/cgroup").at(-1);
  if (atRoot?.[2] === "cgroup2") {
    return { version: 2, controllers: (unified ?? "").split(/\s+/).filter((name) => name !== "") };
  }
  const first = lines.filter(([, , type]) => type === "cgroup");
  if (first.length === 0) return { version: undefined };
  const known = new Set(["cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids"]);
  const options = first.flatMap(([, , , text = ""]) => text.split(","));
  return { version: 1, controllers: [...new Set(options.filter((option) => known.has(option)))] };
}

/** Whether a file system is in the text of /proc/filesystems. */
export function knowsFileSystem(filesystems: string, name: string): boolean {
  return filesystems.split("\n").some((line) => line.trim().split(/\s+/).at(-1) === name);
}
