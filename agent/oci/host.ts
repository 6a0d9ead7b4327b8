import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** As `process.arch` names it. */
export type HostArchitecture = NodeJS.Architecture;

/** What the host can hold a worker to. */
export interface HostLimits {
  readonly cgroupVersion: 1 | 2;
  /** Names of cgroup controllers, such as `memory`, `cpu` and `pids`, that workers' cgroups have. */
  readonly controllers: ReadonlySet<string>;
  /** Whether memory and swap can be limited together. */
  readonly swapLimit: boolean;
  /** Most file descriptors a process may have without a capability. */
  readonly rlimitNofileHard: number;
  /** The agent's own; a worker can't get a lower one without a capability. */
  readonly oomScoreAdj: number;
  readonly architecture: HostArchitecture;
}

/**
 * Reads what the host can limit.
 * @param root folder that holds `proc` and `sys`
 * @throws Error when /proc/self or the cgroup file system cannot be read
 */
export async function detectHostLimits(root = "/", architecture: HostArchitecture = process.arch): Promise<HostLimits> {
  const cgroups = join(root, "sys/fs/cgroup");
  const [unified, limits, oomScoreAdj] = await Promise.all([
    readIfPresent(join(cgroups, "cgroup.controllers")),
    readFile(join(root, "proc/self/limits"), "utf8"),
    readIfPresent(join(root, "proc/self/oom_score_adj")),
  ]);
  const common = { rlimitNofileHard: nofileHard(limits), oomScoreAdj: Number(oomScoreAdj ?? 0), architecture };
  if (unified !== undefined) {
    return {
      cgroupVersion: 2,
      controllers: new Set(unified.split(/\s+/).filter((name) => name !== "")),
      swapLimit: (await readIfPresent(join(root, "proc/swaps"))) !== undefined,
      ...common,
    };
  }
  return {
    cgroupVersion: 1,
    controllers: await legacyControllers(cgroups),
    swapLimit: (await readIfPresent(join(cgroups, "memory/memory.memsw.limit_in_bytes"))) !== undefined,
    ...common,
  };
}

/** A hierarchy of version 1 is mounted at a folder that is named for its controllers, such as `cpu,cpuacct`. */
async function legacyControllers(cgroups: string): Promise<Set<string>> {
  const names = (await readdir(cgroups)).flatMap((folder) => folder.split(","));
  return new Set(names.filter((name) => name !== "systemd" && name !== "unified"));
}

function nofileHard(limits: string): number {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  return hard === undefined || hard === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(hard);
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
