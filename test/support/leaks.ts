import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** What a run can leave on a machine: names, by kind. */
export type Snapshot = ReadonlyMap<string, ReadonlySet<string>>;

const systemContainerd = "/run/containerd/containerd.sock";

/** What the machine holds now of the things that workers, networks and tests are made of. */
export async function takeSnapshot(): Promise<Snapshot> {
  const kinds: Record<string, Promise<string[]>> = {
    "container, task or snapshot": inContainerd(),
    "network namespace": names("/run/netns", () => true),
    link: output("ip", "-o", "link").then((lines) => lines.map((line) => line.split(/:\s+|@/)[1] ?? line)),
    address: output("ip", "-o", "addr").then((lines) => lines.map((line) => line.split(/\s+/).slice(1, 4).join(" "))),
    "iptables rule": output("iptables-save").then(rules),
    "ip6tables rule": output("ip6tables-save").then(rules),
    route: output("ip", "route", "show", "table", "all"),
    "temporary folder": names("/tmp", (name) => name.startsWith("esb-")),
    "run folder": names("/run", (name) => name.startsWith("esb")),
    "CNI state": below("/var/lib/cni", 2, () => true),
    "runc state": below("/run/containerd/runc", 2, () => true),
    mount: readFile("/proc/self/mounts", "utf8").then((table) =>
      split(table).map((line) => line.split(" ")[1] ?? line),
    ),
    cgroup: below("/sys/fs/cgroup", 4, (path) => path.includes("esb")),
    process: processes(),
  };
  const entries = Object.entries(kinds).map(async ([kind, found]) => [kind, new Set(await found)] as const);
  return new Map(await Promise.all(entries));
}

/** What `after` holds and `before` did not: a line each. */
export function newSince(before: Snapshot, after: Snapshot): string[] {
  return [...after].flatMap(([kind, found]) =>
    [...found].filter((name) => !before.get(kind)?.has(name)).map((name) => `${kind}: ${name}`),
  );
}

/** Rules and chains of iptables-save; its built-in chains and counters come and go with its tables. */
export function rules(lines: readonly string[]): string[] {
  return lines
    .filter((line) => line.startsWith("-A") || /^:\S+ - /.test(line))
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ""));
}

async function inContainerd(): Promise<string[]> {
  if (!existsSync(systemContainerd)) return [];
  const ctr = (...args: string[]) => output("ctr", "--connect-timeout", "2s", "--address", systemContainerd, ...args);
  const namespaces = (await ctr("namespaces", "ls", "-q")).filter((name) => name.startsWith("esb"));
  const lists = namespaces.flatMap((namespace) =>
    (["containers", "tasks", "snapshots"] as const).map(async (what) => {
      const quiet = what === "snapshots" ? [] : ["-q"];
      const lines = await ctr("-n", namespace, what, "ls", ...quiet);
      return lines.map((line) => `${namespace} ${what} ${line}`);
    }),
  );
  return (await Promise.all(lists)).flat();
}

/** Shims, containerds, registries and workers' logging drivers, which outlive whoever started them. */
async function processes(): Promise<string[]> {
  const ours = /^(containerd|containerd-shim.*|runc|docker-registry)$/;
  const pids = await names("/proc", (name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      const [program = "", ...args] = command.split("\0").filter(Boolean);
      const name = program.split("/").at(-1) ?? "";
      return ours.test(name) || args[0]?.endsWith("/logger.pl") ? [`${pid} ${[name, ...args].join(" ")}`] : [];
    }),
  );
  return found.flat();
}

async function names(folder: string, wanted: (name: string) => boolean): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).filter(wanted);
}

/** Paths of folders and files below a folder, as deep as given. */
async function below(folder: string, depth: number, wanted: (path: string) => boolean): Promise<string[]> {
  if (depth === 0) return [];
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const nested = entries.map(async (entry) => {
    const path = join(folder, entry.name);
    const own = wanted(path) && (entry.isDirectory() || !folder.startsWith("/sys/")) ? [path] : [];
    return entry.isDirectory() ? [...own, ...(await below(path, depth - 1, wanted))] : own;
  });
  return (await Promise.all(nested)).flat();
}

/** A command that is missing or fails has nothing to tell. */
async function output(command: string, ...args: string[]): Promise<string[]> {
  const environment = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` };
  const options = { env: environment, timeout: 20_000, maxBuffer: 64 * 1024 * 1024 };
  return promisify(execFile)(command, args, options).then(
    ({ stdout }) => split(stdout),
    () => [],
  );
}

function split(text: string): string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}
