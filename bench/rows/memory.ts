import { readdir, readFile } from "node:fs/promises";
import type { TestEsb } from "../../test/support/esb.ts";
import type { Row } from "../samples.ts";
import { names, untilFrozen } from "../setting.ts";

/** What a frozen worker costs besides the function's own memory. Only reported: there is nothing to hold it against. */
export async function memory(esb: TestEsb, count = 20): Promise<Row> {
  const functions = names("frozen", count);
  const ourPids = [esb.agent.pid, esb.gateway.pid].filter((pid) => pid !== undefined);
  const shimsBefore = new Set(await shims(esb));
  const before = await Promise.all(ourPids.map(pssBytes));
  for (const name of functions) await (await esb.invoke(name)).arrayBuffer();
  for (const name of functions) await untilFrozen(esb, `${name}-0`);
  const after = await Promise.all(ourPids.map(pssBytes));
  const shimPids = (await shims(esb)).filter((pid) => !shimsBefore.has(pid));
  const ours = await Promise.all(shimPids.map(async (pid) => (await pssBytes(pid)) / 2 ** 20));
  const growth = (sum(after) - sum(before)) / count / 2 ** 20;
  for (const name of functions) await esb.workers.destroy({ workerId: `${name}-0` });
  return {
    name: "memory",
    what: `memory per frozen worker besides the function's own, ${count} workers`,
    against: "",
    unit: "MiB",
    ours,
    reference: [],
    goal: "reported",
    value: sum(ours) / count + growth,
    reached: undefined,
    note: `shims ${(sum(ours) / count).toFixed(1)} MiB, growth of agent and gateway ${growth.toFixed(2)} MiB a worker`,
  };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Pids of the containerd shims of this esb. */
async function shims(esb: TestEsb): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const commands = await Promise.all(
    pids.map(async (pid) => [Number(pid), await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")] as const),
  );
  return commands
    .filter(([, command]) => command.includes("containerd-shim") && command.includes(esb.containerd.address))
    .map(([pid]) => pid);
}

/** Proportional set size: pages that several processes share count for each in part. */
async function pssBytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
}
