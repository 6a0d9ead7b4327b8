import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type Daemon, isRunning, readDaemon, shimsOf, startDaemon, stopDaemon } from "./daemons.ts";
import { root, type ScriptSettings } from "./settings.ts";
import { untilReady } from "./until-ready.ts";

const run = promisify(execFile);
const name = "containerd";

/** Runs ctr against the configured containerd and namespace. @throws when it fails, with its own words */
export async function ctr(settings: ScriptSettings, ...args: string[]): Promise<string> {
  const where = ["--address", settings.containerdAddress, "--namespace", settings.namespace];
  const { stdout } = await run("ctr", [...where, ...args], { timeout: 120_000, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** Whether a containerd answers at the configured address; its version when it does. */
export async function containerdVersion(settings: ScriptSettings): Promise<string | undefined> {
  if (!existsSync(settings.containerdAddress)) return undefined;
  const answer = await ctr(settings, "--connect-timeout", "2s", "version").catch(() => "");
  return /Server:\s+Version:\s+(\S+)/.exec(answer)?.[1];
}

/** What up has noted of a containerd of its own, running or not. */
export function ownContainerd(settings: ScriptSettings): Promise<Daemon | undefined> {
  return readDaemon(settings.runDir, name);
}

/**
 * Starts a containerd of our own at the configured address. Its root is in the state folder, so that images outlive it
 * and nothing of a containerd that the machine has installed is touched.
 */
export async function startOwnContainerd(settings: ScriptSettings, signature: string): Promise<Daemon> {
  const config = join(settings.runDir, "containerd.toml");
  await mkdir(dirname(settings.containerdAddress), { recursive: true });
  await writeFile(config, configuration(settings));
  const logPath = join(settings.logDir, "containerd.log");
  const daemon = await startDaemon({
    name,
    command: ["containerd", "--config", config],
    cwd: root,
    environment: process.env,
    signature,
    logPath,
    runDir: settings.runDir,
  });
  await untilReady({
    what: "containerd",
    logPath,
    logFromBytes: daemon.logFromBytes,
    timeoutMs: 30_000,
    isRunning: () => isRunning(daemon),
    isReady: async () => (await containerdVersion(settings)) !== undefined,
  });
  return daemon;
}

/** Stops our own containerd with its shims and mounts. @returns whether anything ran */
export async function stopOwnContainerd(settings: ScriptSettings, daemon: Daemon): Promise<boolean> {
  const ran = await stopDaemon(daemon, settings.runDir, 15_000);
  for (const pid of await shimsOf(settings.containerdAddress)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
  await unmountBelow(stateOf(settings));
  await Promise.all(["", ".ttrpc"].map((suffix) => rm(`${settings.containerdAddress}${suffix}`, { force: true })));
  return ran;
}

/** Unmounts what is mounted below a folder, innermost first. */
export async function unmountBelow(folder: string): Promise<void> {
  const table = await readFile("/proc/self/mounts", "utf8");
  const paths = table
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(`${folder}/`));
  for (const path of paths.reverse()) await run("umount", ["-l", path]).catch(() => {});
}

function stateOf(settings: ScriptSettings): string {
  return join(settings.runDir, "containerd");
}

/** Format 2 is read by containerd 1.6, 1.7 and 2.x; Kubernetes' part (CRI, NRI) is not needed. */
function configuration(settings: ScriptSettings): string {
  return `version = 2
root = ${JSON.stringify(join(settings.stateDir, "containerd"))}
state = ${JSON.stringify(stateOf(settings))}
disabled_plugins = [
  "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime",
  "io.containerd.nri.v1.nri",
]
[grpc]
  address = ${JSON.stringify(settings.containerdAddress)}
[plugins."io.containerd.internal.v1.opt"]
  path = ${JSON.stringify(join(settings.stateDir, "containerd/opt"))}
`;
}
