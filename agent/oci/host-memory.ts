import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/**
 * The memory that there is for workers, in bytes.
 * @param base `machine`: all that the host has; `limit`: that, or less where the agent's own cgroup has less, as in a
 * container that stands for the host
 * @param root folder that holds `proc` and `sys`
 * @throws Error when /proc/meminfo cannot be read
 */
export async function detectHostMemoryBytes(base: "limit" | "machine" = "limit", root = "/"): Promise<number> {
  const [, kibibytes] = /^MemTotal:\s+(\d+) kB$/m.exec(await readFile(join(root, "proc/meminfo"), "utf8")) ?? [];
  if (kibibytes === undefined) throw new Error("/proc/meminfo does not tell MemTotal");
  const bytes = Number(kibibytes) * 1024;
  return base === "machine" ? bytes : Math.min(bytes, ...(await cgroupLimits(root)));
}

/** Limits of our memory cgroup and of those above it, as far as they are to be seen, of either version. */
async function cgroupLimits(root: string): Promise<number[]> {
  const own = await readOrEmpty(join(root, "proc/self/cgroup"));
  const hierarchies = [
    { path: /^0::(\/.*)$/m.exec(own)?.[1], base: "sys/fs/cgroup", file: "memory.max" },
    {
      path: /^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(\/.*)$/m.exec(own)?.[1],
      base: "sys/fs/cgroup/memory",
      file: "memory.limit_in_bytes",
    },
  ];
  const limits = hierarchies.flatMap(({ path, base, file }) =>
    path === undefined ? [] : upwards(path).map((folder) => readOrEmpty(join(root, base, folder, file))),
  );
  const texts = await Promise.all(limits);
  return texts
    .map((text) => text.trim())
    .filter((text) => /^\d+$/.test(text))
    .map(Number);
}

/** `/a/b`, `/a`, `/`. */
function upwards(path: string): string[] {
  return path === "/" ? [path] : [path, ...upwards(dirname(path))];
}

/** Empty for what is not there: a controller that is absent, or a folder that only the host sees. */
function readOrEmpty(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
