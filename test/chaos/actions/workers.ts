import { execFile } from "node:child_process";
import { readdir, stat } from "node:fs/promises";
import { promisify } from "node:util";
import type { TestEsb } from "../../support/esb.ts";
import { isFrozen } from "../../support/freezer.ts";
import { kill } from "../../support/process.ts";
import { shimsOf } from "../../support/shims.ts";
import { type Action, oneOf } from "./action.ts";

/** What happens to single workers. */
export const workerActions: readonly Action[] = [
  {
    name: "worker SIGKILL",
    weight: 2,
    targets: ["workers"],
    lastsMs: [0, 1],
    async act({ esb, journal }, random) {
      const shim = oneOf(await running(esb), random);
      if (shim === undefined) return undefined;
      // On cgroup v1 a frozen process dies only of its thaw, whenever that comes.
      const frozen = await isFrozen(esb.namespace, shim.id).catch(() => false);
      journal.harm(shim.id, frozen ? Number.POSITIVE_INFINITY : undefined);
      for (const pid of shim.workers) kill(pid);
      return undefined;
    },
  },
  {
    name: "shim SIGKILL",
    weight: 2,
    targets: ["workers"],
    lastsMs: [0, 1],
    async act({ esb, journal }, random) {
      const shim = oneOf(await running(esb), random);
      if (shim === undefined) return undefined;
      journal.harm(shim.id);
      kill(shim.pid);
      return undefined;
    },
  },
  {
    // A worker that goes on printing then dies of it, or ignores it; those of ours print nothing.
    name: "log driver SIGKILL",
    weight: 1,
    targets: ["workers"],
    lastsMs: [0, 1],
    async act({ esb }, random) {
      for (const pid of oneOf(await running(esb), random)?.loggers ?? []) kill(pid);
      return undefined;
    },
  },
  {
    // Its requests wait; none may fail, since it goes on within the function's time.
    name: "worker SIGSTOP",
    weight: 1,
    targets: ["workers"],
    lastsMs: [500, 4000],
    async act({ esb }, random) {
      const [pid] = oneOf(await running(esb), random)?.workers ?? [];
      if (pid === undefined) return undefined;
      kill(pid, "SIGSTOP");
      return async () => kill(pid, "SIGCONT");
    },
  },
  {
    name: "network namespace removed",
    weight: 2,
    targets: ["workers"],
    lastsMs: [0, 1],
    async act({ esb, journal }, random) {
      const names = (await readdir("/run/netns").catch(() => [])).filter((name) => name.startsWith(`${esb.network}-`));
      const name = oneOf(names.sort(), random);
      if (name === undefined) return undefined;
      const worker = await workerIn(esb, `/run/netns/${name}`);
      if (worker !== undefined) journal.harm(worker);
      // It may have been released meanwhile.
      await promisify(execFile)("ip", ["netns", "del", name]).catch(() => undefined);
      return undefined;
    },
  },
];

async function running(esb: TestEsb) {
  const shims = await shimsOf(esb);
  return shims.filter(({ workers }) => workers.length > 0).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Id of the worker that lives in a network namespace; undefined for one that waits for its worker. */
async function workerIn(esb: TestEsb, path: string): Promise<string | undefined> {
  const inode = await inodeOf(path);
  for (const { id, workers } of await running(esb)) {
    const inodes = await Promise.all(workers.map((pid) => inodeOf(`/proc/${pid}/ns/net`)));
    if (inode !== undefined && inodes.includes(inode)) return id;
  }
  return undefined;
}

async function inodeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ ino }) => ino,
    () => undefined,
  );
}
