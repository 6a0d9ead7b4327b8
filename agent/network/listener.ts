import { readdir, readFile, readlink } from "node:fs/promises";
import { readOptional } from "../files.ts";

/** TCP_LISTEN of the kernel's net/tcp_states.h, as /proc/net/tcp has it. */
const listenState = "0A";

/**
 * Whether what listens on a TCP port of this machine is a process or its descendants, and nobody else (S7). A worker's
 * first process is the ancestor of all others in it.
 * @returns false also when nobody listens
 */
export async function isListener(port: number, pid: number): Promise<boolean> {
  const tables = await Promise.all(["tcp", "tcp6"].map((name) => readOptional(`/proc/net/${name}`)));
  const wanted = tables.flatMap((table) => listenersOn(port, table ?? ""));
  if (wanted.length === 0) return false;
  const first = await socketsOf(pid);
  if (wanted.every((inode) => first.has(inode))) return true;
  const all = new Set((await Promise.all((await familyOf(pid)).map(socketsOf))).flatMap((sockets) => [...sockets]));
  return wanted.every((inode) => all.has(inode));
}

/** Inodes of the sockets that listen on a port, out of the text of /proc/net/tcp or tcp6 (proc_pid_net(5)). */
export function listenersOn(port: number, table: string): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[1]?.endsWith(suffix) && columns[3] === listenState)
    .flatMap((columns) => columns[9] ?? []);
}

async function socketsOf(pid: number): Promise<Set<string>> {
  const folder = `/proc/${pid}/fd`;
  // A process or a file that has just gone has no socket.
  const links = (await readdir(folder).catch(() => [])).map((name) => readlink(`${folder}/${name}`).catch(() => ""));
  return new Set((await Promise.all(links)).flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
}

/** A process and all that descend from it. */
async function familyOf(pid: number): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = new Map(await Promise.all(pids.map(async (one) => [one, await parentOf(one)] as const)));
  const isFamily = (one: number | undefined): boolean =>
    one !== undefined && (one === pid || (one > 1 && isFamily(parents.get(one))));
  return pids.filter(isFamily);
}

async function parentOf(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // Behind the name, which may have any character in it.
  const parent = /^ \S (\d+)/.exec(text.slice(text.lastIndexOf(")") + 1))?.[1];
  return parent === undefined ? undefined : Number(parent);
}
