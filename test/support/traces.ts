import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestEsb } from "./esb.ts";
import { patienceMs, until } from "./process.ts";

/** What `tracesOf` looks at of an esb. */
type Traced = Pick<TestEsb, "containerd" | "ctr" | "namespace" | "network" | "settings">;

/**
 * Everything on the machine, in containerd and on disk that was made for workers, a line each. Attachments made ahead of
 * need count too: where they would be in the way, a test sets ESB_NETWORK_POOL to 0.
 */
export async function tracesOf(esb: Traced): Promise<string[]> {
  const { ESB_STATE_DIR: stateDir = "", ESB_RUN_DIR: runDir = "" } = esb.settings;
  const kinds: Record<string, Promise<string[]>> = {
    container: lines(esb.ctr("containers", "ls", "-q")),
    task: lines(esb.ctr("tasks", "ls", "-q")),
    snapshot: lines(esb.ctr("snapshots", "ls")).then((found) => found.filter((line) => line.includes(" Active"))),
    lease: lines(esb.ctr("leases", "ls", "-q")),
    shim: shims(esb),
    "logging driver": loggingDrivers(stateDir),
    bundle: names(join(esb.containerd.dir, "state/io.containerd.runtime.v2.task", esb.namespace)),
    "runc state": names(`/run/containerd/runc/${esb.namespace}`),
    cgroup: cgroups(esb.namespace),
    "network namespace": names("/run/netns", (name) => name.startsWith(`${esb.network}-`)),
    "bridge port": bridgePorts(`${esb.network}0`),
    neighbour: lines(neighbours(`${esb.network}0`)),
    address: names(join(stateDir, "network/ipam", esb.network), (name) => /^\d/.test(name)),
    "attachment record": names(join(stateDir, "network"), (name) => name.includes(".json")),
    port: names(join(stateDir, "network/ports")),
    log: names(join(stateDir, "workers")),
    "run file": names(join(runDir, "workers")),
  };
  const found = await Promise.all(Object.entries(kinds).map(async ([kind, of]) => [kind, await of] as const));
  return found.flatMap(([kind, items]) => items.map((item) => `${kind}: ${item}`)).sort();
}

/**
 * Interfaces and shims go a moment after what they belonged to; everything else must be gone already.
 * @param counts which traces are looked at; all by default
 */
export async function assertNoTraces(esb: Traced, counts?: (trace: string) => boolean): Promise<void> {
  await assertTraces(esb, [], counts);
}

/** Waits until the traces are these, as `tracesOf` gave them before. Sweeps at intervals are too seldom to help: see `startEsb`. */
export async function assertTraces(
  esb: Traced,
  expected: readonly string[],
  counts: (trace: string) => boolean = () => true,
): Promise<void> {
  await until(
    async () => assert.deepEqual((await tracesOf(esb)).filter(counts), expected),
    patienceMs,
    async (error) => `not what should be left: ${(error as Error).message}`,
  );
}

/** Processes that keep the logs of this esb's workers. */
async function loggingDrivers(stateDir: string): Promise<string[]> {
  const drivers = (await commands()).filter((args) => args[1] === join(stateDir, "logger.pl"));
  return drivers.map((args) => args[2] ?? "");
}

/** The command line of every process. */
async function commands(): Promise<string[][]> {
  const pids = await names("/proc", (name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return lines.map((line) => line.split("\0"));
}

/** Shims of this esb's containerd and namespace. */
async function shims(esb: Traced): Promise<string[]> {
  return (await commands())
    .filter(([program]) => program?.includes("containerd-shim"))
    .filter((args) => args.includes(esb.containerd.address) && args.includes(esb.namespace))
    .map((args) => args[args.indexOf("-id") + 1] ?? "");
}

/** A hierarchy of cgroup v1 each, or the unified one. */
async function cgroups(namespace: string): Promise<string[]> {
  const base = "/sys/fs/cgroup";
  const folders = [base, ...(await names(base)).map((name) => join(base, name))];
  const found = folders.map(async (folder) => {
    const entries = await readdir(join(folder, namespace), { withFileTypes: true }).catch(() => []);
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(folder, namespace, entry.name));
  });
  return (await Promise.all(found)).flat();
}

async function names(folder: string, wanted: (name: string) => boolean = () => true): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).filter(wanted);
}

/**
 * Names of the interfaces on a bridge; none where there is no bridge. Not those whose other end is in a network namespace
 * that has no name any more: the kernel removes them together, once the last packets are given up that the worker sent.
 */
async function bridgePorts(bridge: string): Promise<string[]> {
  const listed = promisify(execFile)("ip", ["-oneline", "link", "show", "master", bridge]);
  const found = await lines(
    listed.then(
      ({ stdout }) => stdout,
      () => "",
    ),
  );
  return found.filter((line) => !/ link-netnsid \d/.test(line)).map((line) => /^\d+: ([^@:]+)/.exec(line)?.[1] ?? line);
}

/** None where there is no bridge. */
async function neighbours(bridge: string): Promise<string> {
  const listed = promisify(execFile)("ip", ["neighbour", "show", "dev", bridge, "nud", "permanent"]);
  return listed.then(
    ({ stdout }) => stdout,
    () => "",
  );
}

async function lines(output: Promise<string>): Promise<string[]> {
  return (await output).split("\n").filter((line) => line.trim() !== "");
}
