import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A process that goes on after the script which started it; kept as JSON in the run folder. */
export interface Daemon {
  readonly name: string;
  readonly pid: number;
  /** When it started, in clock ticks since boot (`starttime` of proc(5)): with the pid it names one process for good. */
  readonly startTicks: string;
  /** What it was started with, to see whether it still fits. */
  readonly signature: string;
  /** Where in its log it began: what stands before is of others. */
  readonly logFromBytes: number;
}

export interface DaemonOptions {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly signature: string;
  readonly logPath: string;
  readonly runDir: string;
}

const logLimitBytes = 10 * 1024 * 1024;

/** Starts a process in a session of its own, its output appended to a log, and notes it in the run folder. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  await mkdir(dirname(options.logPath), { recursive: true });
  const size = await stat(options.logPath).then(
    (found) => found.size,
    () => 0,
  );
  const rotates = size > logLimitBytes;
  if (rotates) await rename(options.logPath, `${options.logPath}.1`);
  await using log = await open(options.logPath, "a");
  const [file, ...args] = options.command;
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: options.environment,
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
  });
  await once(child, "spawn");
  child.unref();
  const { name, signature } = options;
  const pid = child.pid ?? 0;
  const startTicks = (await ticks(pid)) ?? "";
  const daemon: Daemon = { name, signature, pid, startTicks, logFromBytes: rotates ? 0 : size };
  await mkdir(options.runDir, { recursive: true });
  await writeFile(pidFile(options.runDir, name), JSON.stringify(daemon));
  return daemon;
}

/** What was noted under this name, whether it still runs or not. */
export async function readDaemon(runDir: string, name: string): Promise<Daemon | undefined> {
  const text = await readFile(pidFile(runDir, name), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Daemon;
  } catch {
    // A crash in the middle of writing: nothing can be said about the process.
    return undefined;
  }
}

/** Whether this very process still runs; another process with its pid does not count. */
export async function isRunning(daemon: Daemon): Promise<boolean> {
  return daemon.startTicks !== "" && (await ticks(daemon.pid)) === daemon.startTicks;
}

/** SIGTERM, after `graceMs` SIGKILL; then the note is removed. @returns whether it ran */
export async function stopDaemon(daemon: Daemon, runDir: string, graceMs: number): Promise<boolean> {
  const ran = await isRunning(daemon);
  if (ran) {
    await signal(daemon, "SIGTERM");
    if (!(await gone(daemon, graceMs))) await signal(daemon, "SIGKILL");
    if (!(await gone(daemon, 10_000))) throw new Error(`${daemon.name} (pid ${daemon.pid}) does not end`);
  }
  await rm(pidFile(runDir, daemon.name), { force: true });
  return ran;
}

/** The last lines of a log, to show why something did not start. @param fromBytes what stands before is left out */
export async function lastLines(path: string, count: number, fromBytes = 0): Promise<string> {
  const bytes = await readFile(path).catch(() => Buffer.alloc(0));
  const text = bytes.subarray(fromBytes).toString();
  return text.trimEnd().split("\n").slice(-count).join("\n");
}

function pidFile(runDir: string, name: string): string {
  return join(runDir, `${name}.pid`);
}

async function signal(daemon: Daemon, name: NodeJS.Signals): Promise<void> {
  if (!(await isRunning(daemon))) return;
  try {
    process.kill(daemon.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function gone(daemon: Daemon, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (await isRunning(daemon)) {
    if (performance.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}

/** Field 22 of /proc/pid/stat, counted behind the name, which may hold anything; undefined for none and for a zombie. */
async function ticks(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

/** Pids of the shims that belong to the containerd at an address. */
export async function shimsOf(address: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const command = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
      const shim = command[0]?.includes("containerd-shim") ?? false;
      return shim && command[command.indexOf("-address") + 1] === address ? [Number(pid)] : [];
    }),
  );
  return found.flat();
}
