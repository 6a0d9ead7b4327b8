import { readdir, readFile } from "node:fs/promises";
import type { TestEsb } from "./esb.ts";

/** A shim as the kernel shows it, with what runs under it; nothing that could be down is asked. */
export interface Shim {
  /** Of its container. */
  readonly id: string;
  readonly pid: number;
  /** First processes of its containers; empty when they have ended. */
  readonly workers: readonly number[];
  /** What keeps their logs. */
  readonly loggers: readonly number[];
}

/** Shims of this esb's containerd and namespace. */
export async function shimsOf(esb: Pick<TestEsb, "containerd" | "namespace">): Promise<Shim[]> {
  const processes = await allProcesses();
  return processes.flatMap(({ pid, command }) => {
    const [program = "", ...args] = command;
    const ours = args.includes(esb.containerd.address) && args.includes(esb.namespace);
    if (!program.includes("containerd-shim") || !ours) return [];
    const children = processes.filter(({ parent, command: [name] }) => parent === pid && !name?.endsWith("runc"));
    const pidsOf = (logs: boolean) => children.filter((child) => isLogger(child) === logs).map((child) => child.pid);
    return [{ id: args[args.indexOf("-id") + 1] ?? "", pid, workers: pidsOf(false), loggers: pidsOf(true) }];
  });
}

function isLogger({ command }: Process): boolean {
  return command.some((argument) => argument.endsWith("/logger.pl"));
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: readonly string[];
}

async function allProcesses(): Promise<Process[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map((pid) => readProcess(pid).catch(() => undefined)));
  return found.filter((item) => item !== undefined);
}

async function readProcess(pid: number): Promise<Process> {
  const [command, stat] = await Promise.all([
    readFile(`/proc/${pid}/cmdline`, "utf8"),
    readFile(`/proc/${pid}/stat`, "utf8"),
  ]);
  // Fields of proc(5), after the name in brackets, which may hold anything.
  const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  return { pid, parent, command: command.split("\0").slice(0, -1) };
}
