import { execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { createContainerdClient } from "../../agent/containerd/client.ts";
import type { TestEsb } from "./esb.ts";
import { staticServerImage } from "./images.ts";

const run = promisify(execFile);

/** The mark on everything of ours in containerd. */
const ourMark = { created_by: "edge-serverless-box" };
/** Keeps from containerd's garbage collection what nothing refers to. */
const root = { "containerd.io/gc.root": "2026-01-01T00:00:00Z" };

/** Calls to containerd that `ctr` has no command for. */
export function containerdOf(esb: Pick<TestEsb, "containerd" | "namespace">) {
  return createContainerdClient({ address: esb.containerd.address, namespace: esb.namespace });
}

/** What no worker needs, made by hand as an agent leaves it that died, or that somebody has meddled with. */
export interface Leftovers {
  /** Of a process that runs in a worker's control group, without a container. */
  readonly pid: number;
}

/** How many workers' remains, and how many attachments, `makeLeftovers` makes. */
export const leftoverCounts = { workers: 4, attachments: 3 };

/** One of each kind, with our mark. There must be a worker on the network: its record is what the others look like. */
export async function makeLeftovers(esb: TestEsb): Promise<Leftovers> {
  const { ESB_STATE_DIR: stateDir = "" } = esb.settings;
  const { network } = esb;
  using client = containerdOf(esb);
  await esb.ctr("containers", "create", "--label", `created_by=${ourMark.created_by}`, staticServerImage, "broken-0");
  await client.snapshots.prepare({ snapshotter: "overlayfs", key: "layer-0", labels: { ...ourMark, ...root } });
  await writeFile(join(stateDir, `workers/silent-0.${randomUUID()}.1.log`), "what it printed\n");
  const pid = await runInCgroup(esb.namespace, "group-0");

  const folder = join(stateDir, "network");
  const [example = ""] = (await readdir(folder)).filter((name) => name.endsWith(".json"));
  const { list } = JSON.parse(await readFile(join(folder, example), "utf8"));
  const address = (last: number) => esb.subnet.replace(/\d+\/\d+$/, String(last));
  await run("ip", ["netns", "add", `${network}-0badcafe`]);
  const record = { id: `${network}-0badbee1`, address: address(201), list, result: null };
  await writeFile(join(folder, `${record.id}.json`), JSON.stringify(record));
  await writeFile(join(folder, "ipam", network, address(202)), `${network}-0badf00d\r\neth0`);
  await run("ip", ["link", "add", `v${network}`, "type", "veth", "peer", "name", `w${network}`]);
  await run("ip", ["link", "set", `v${network}`, "master", `${network}0`]);
  const neighbour = ["to", address(203), "lladdr", "02:00:00:00:00:01", "dev", `${network}0`, "nud", "permanent"];
  await run("ip", ["neighbour", "add", ...neighbour]);
  return { pid };
}

/** Things of others that look like ours as far as they can; what `assertThere` throws tells which of them is gone. */
export async function makeForeign(esb: TestEsb): Promise<AsyncDisposable & { assertThere(): Promise<void> }> {
  const { ESB_STATE_DIR: stateDir = "" } = esb.settings;
  using client = containerdOf(esb);
  await esb.ctr("run", "--detach", staticServerImage, "foreign-0");
  await esb.ctr("containers", "create", "--label", "created_by=somebody", staticServerImage, "foreign-1");
  await client.snapshots.prepare({ snapshotter: "overlayfs", key: "theirs-0", labels: root });
  await client.snapshots.prepare({ snapshotter: "overlayfs", key: "no worker", labels: { ...ourMark, ...root } });
  await client.leases.create({ id: "esb-theirs", labels: {} });
  await writeFile(join(stateDir, "workers/README"), "not a log\n");
  const cgroup = join(await hierarchy(), esb.namespace, "theirs");
  await mkdir(cgroup, { recursive: true });
  const namespaces = [`x${esb.network}`, `${esb.network}-x-01234567`];
  for (const name of namespaces) await run("ip", ["netns", "add", name]);
  await run("ip", ["link", "add", `x${esb.network}`, "type", "veth", "peer", "name", `y${esb.network}`]);
  await run("iptables", ["-A", "OUTPUT", ...ruleOf(esb)]);
  return {
    async assertThere() {
      await run("ip", ["link", "show", `x${esb.network}`]);
      await run("iptables", ["-C", "OUTPUT", ...ruleOf(esb)]);
      const there = await readdir("/run/netns");
      const gone = [...namespaces.filter((name) => !there.includes(name)), ...(existsSync(cgroup) ? [] : [cgroup])];
      if (gone.length > 0) throw new Error(`gone: ${gone}`);
    },
    async [Symbol.asyncDispose]() {
      await run("rmdir", [cgroup]);
      for (const name of namespaces) await run("ip", ["netns", "delete", name]);
      await run("ip", ["link", "delete", `x${esb.network}`]);
      await run("iptables", ["-D", "OUTPUT", ...ruleOf(esb)]);
      await esb.ctr("tasks", "rm", "-f", "foreign-0");
    },
  };
}

function ruleOf({ network }: TestEsb): string[] {
  return ["-m", "comment", "--comment", `not ${network}'s`, "-d", "192.0.2.1"];
}

/** @returns the pid of a process that only its control group ties to a worker */
async function runInCgroup(namespace: string, id: string): Promise<number> {
  const folder = join(await hierarchy(), namespace, id);
  await mkdir(folder, { recursive: true });
  const { pid = 0 } = spawn("sleep", ["600"], { stdio: "ignore" });
  await writeFile(join(folder, "cgroup.procs"), String(pid));
  return pid;
}

/** Where control groups can be made: the unified hierarchy, or one of version 1. */
async function hierarchy(): Promise<string> {
  const base = "/sys/fs/cgroup";
  return existsSync(join(base, "cgroup.procs")) ? base : join(base, "pids");
}
