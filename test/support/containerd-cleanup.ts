import { execFile } from "node:child_process";
import { readdir, readFile, rmdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
type Ctr = (...args: string[]) => Promise<string>;

/** Kills and deletes every task and container, in all namespaces; what fails is left to `killShims`. */
export async function removeAllContainers(ctr: Ctr): Promise<void> {
  for (const namespace of lines(await ctr("namespaces", "ls", "-q").catch(() => ""))) {
    const inside: Ctr = (...args) => ctr("-n", namespace, ...args);
    for (const id of lines(await inside("tasks", "ls", "-q").catch(() => ""))) await removeTask(inside, id);
    for (const id of lines(await inside("containers", "ls", "-q").catch(() => ""))) {
      await inside("containers", "rm", id).catch(() => {});
    }
    await removeEmptyFolders(namespace);
  }
}

/** runc and the kernel keep a folder for each namespace; one that is in use is not empty and stays. */
async function removeEmptyFolders(namespace: string): Promise<void> {
  const groups = await readdir("/sys/fs/cgroup").catch(() => []);
  const folders = [
    `/run/containerd/runc/${namespace}`,
    `/sys/fs/cgroup/${namespace}`,
    ...groups.map((group) => `/sys/fs/cgroup/${group}/${namespace}`),
  ];
  await Promise.all(folders.map((folder) => rmdir(folder).catch(() => {})));
}

async function removeTask(ctr: Ctr, id: string): Promise<void> {
  await ctr("tasks", "kill", "-s", "SIGKILL", id).catch(() => {});
  // A frozen process dies of its SIGKILL only once it is thawed.
  await ctr("tasks", "resume", id).catch(() => {});
  for (let attempt = 0; attempt < 50; attempt++) {
    const gone = await ctr("tasks", "rm", "-f", id).then(
      () => true,
      (error: Error) => error.message.includes("not found"),
    );
    if (gone) return;
    await sleep(100);
  }
}

/** Ends the shims, and what runs under them, of the containerd at this address: no other can be meant. */
export async function killShims(address: string): Promise<void> {
  for (const { pid, command } of await processes()) {
    const own = command[0]?.includes("containerd-shim") && command[command.indexOf("-address") + 1] === address;
    if (!own) continue;
    for (const child of (await processes()).filter((candidate) => candidate.parent === pid)) kill(child.pid);
    kill(pid);
    const [namespace, id] = ["-namespace", "-id"].map((flag) => command[command.indexOf(flag) + 1] ?? "");
    await run("runc", ["--root", `/run/containerd/runc/${namespace}`, "delete", "--force", id ?? ""]).catch(() => {});
  }
}

/** Unmounts what is still mounted below a folder, innermost first. */
export async function unmountBelow(dir: string): Promise<void> {
  const table = await readFile("/proc/self/mounts", "utf8");
  const below = lines(table)
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(`${dir}/`));
  for (const path of below.reverse()) await run("umount", ["-l", path]).catch(() => {});
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: readonly string[];
}

async function processes(): Promise<Process[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map((pid) => readProcess(pid).catch(() => undefined)));
  return found.filter((item) => item !== undefined);
}

async function readProcess(pid: number): Promise<Process> {
  const [command, status] = await Promise.all([
    readFile(`/proc/${pid}/cmdline`, "utf8"),
    readFile(`/proc/${pid}/status`, "utf8"),
  ]);
  const parent = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]);
  return { pid, parent, command: command.split("\0").slice(0, -1) };
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}
