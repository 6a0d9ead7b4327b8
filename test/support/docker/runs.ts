import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { command } from "./command.ts";

/** What an engine of a test makes outside its own namespaces. */
export interface EngineTraces {
  /** Its network namespace, and the mark of its firewall rules. */
  readonly network: string;
  readonly group: string;
  readonly dir: string;
  /** Where it keeps images: of one engine at a time. */
  readonly data: string;
}

interface Run extends EngineTraces {
  readonly pid: number;
  /** Kernel's clock ticks since it booted; with it a pid is a process for ever. */
  readonly begun: string;
}

/**
 * Notes what an engine will make, so that a later run finds it if this process is killed; disposing of it forgets that.
 * What killed runs have left is removed first.
 * @param folder of the notes @throws Error when another process has an engine on the same data
 */
export async function noteRun(
  folder: string,
  traces: EngineTraces,
  removeCgroups: (group: string) => Promise<void>,
): Promise<AsyncDisposable> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const run: Run = JSON.parse(await readFile(path, "utf8"));
    if ((await begunAt(run.pid)) === run.begun) {
      if (run.data === traces.data) throw new Error(`process ${run.pid} runs an engine on ${run.data}`);
      continue;
    }
    await removeTraces(run);
    await removeCgroups(run.group);
    await rm(path);
  }
  const own = join(folder, `${traces.network}.json`);
  const run: Run = { ...traces, pid: process.pid, begun: (await begunAt(process.pid)) ?? "" };
  await writeFile(own, JSON.stringify(run));
  return { [Symbol.asyncDispose]: () => rm(own) };
}

/** proc_pid_stat(5): the 22nd field; the second may hold blanks. @returns undefined: there is no such process */
async function begunAt(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

/** Its processes ended with it, and their mounts with them. */
async function removeTraces({ network, dir }: EngineTraces): Promise<void> {
  for (const table of ["nat", "filter"]) {
    const rules = (await command("iptables-save", ["--table", table])).split("\n");
    for (const rule of rules.filter((line) => line.startsWith("-A ") && line.includes(`--comment ${network} `))) {
      const [, chain = "", ...rest] = rule.split(" ");
      await command("iptables", ["--wait", "--table", table, "--delete", chain, ...rest]);
    }
  }
  // The end of the namespace is that of both ends of its link.
  const there = (await command("ip", ["netns", "list"])).split("\n").some((line) => line.split(" ")[0] === network);
  if (there) await command("ip", ["netns", "delete", network]);
  await rm(dir, { recursive: true, force: true });
}
