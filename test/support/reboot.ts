import { execFile } from "node:child_process";
import { readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { removeRules } from "../../agent/network/firewall-rules.ts";
import { unmountBelow } from "./containerd-cleanup.ts";
import type { TestEsb } from "./esb.ts";
import { kill } from "./process.ts";
import { shimsOf } from "./shims.ts";

const run = promisify(execFile);

/** SIGKILL for every process of an esb: daemons, shims and workers. */
export async function killEverything(esb: TestEsb): Promise<void> {
  await Promise.all([esb.agent.stop("SIGKILL"), esb.gateway.stop("SIGKILL"), esb.containerd.kill()]);
  for (const { pid, workers, loggers } of await shimsOf(esb)) {
    for (const one of [pid, ...workers, ...loggers]) kill(one);
  }
}

/** What a loss of power leaves of an esb: its disk. */
export async function losePower(esb: TestEsb): Promise<void> {
  await killEverything(esb);
  await removeCgroups(esb.namespace);
  const { ESB_RUN_DIR: runDir = "" } = esb.settings;
  const runState = join(esb.containerd.dir, "state");
  await unmountBelow(runState);
  for (const folder of [runState, runDir, `/run/containerd/runc/${esb.namespace}`]) {
    await rm(folder, { recursive: true, force: true });
  }
  for (const name of await readdir("/run/netns")) {
    if (name.startsWith(`${esb.network}-`)) await run("ip", ["netns", "del", name]);
  }
  const bridge = `${esb.network}0`;
  const ports = await readdir(`/sys/class/net/${bridge}/brif`).catch(() => []);
  // The kernel removes the veth of a namespace that has ended a moment later by itself.
  for (const link of [...ports, bridge]) await run("ip", ["link", "del", link]).catch(() => undefined);
  const { stdout: saved } = await run("iptables-save");
  await restoreRules(removeRules(esb.network, saved));
}

/** Frozen processes end only once they are thawed; an empty group can be removed. */
async function removeCgroups(namespace: string): Promise<void> {
  const base = "/sys/fs/cgroup";
  const hierarchies = [base, ...(await readdir(base)).map((name) => join(base, name))];
  for (const hierarchy of hierarchies) {
    for (const name of await readdir(join(hierarchy, namespace)).catch(() => [])) {
      const group = join(hierarchy, namespace, name);
      const thaw =
        "[ -d $0 ] || exit 0; [ ! -e $0/freezer.state ] || echo THAWED > $0/freezer.state; " +
        "[ ! -e $0/cgroup.freeze ] || echo 0 > $0/cgroup.freeze";
      await run("sh", ["-c", thaw, group]);
    }
  }
  for (const hierarchy of hierarchies) {
    const folder = join(hierarchy, namespace);
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) await removeWhenEmpty(join(folder, entry.name));
  }
}

async function removeWhenEmpty(folder: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await rmdir(folder);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return;
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function restoreRules(input: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = execFile("iptables-restore", ["--noflush"], (error) => (error === null ? resolve() : reject(error)));
  child.stdin?.end(input);
  return promise;
}
