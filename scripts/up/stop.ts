import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { inFlightPath } from "../../gateway/in-flight/open.ts";
import { agentAt } from "./agent.ts";
import { containerdVersion, ownContainerd, startOwnContainerd, stopOwnContainerd, unmountBelow } from "./containerd.ts";
import { isRunning, readDaemon, stopDaemon } from "./daemons.ts";
import { root, type ScriptSettings } from "./settings.ts";
import { marker } from "./start.ts";

export interface Stop {
  readonly settings: ScriptSettings;
  readonly say: (line: string) => void;
  /** Images and state go too. */
  readonly purge: boolean;
}

/**
 * Stops what up started, and removes workers, network and mounts, also after a crash of any part.
 * @returns whether there was anything
 * @throws Error when something is left
 */
export async function stopAll(stop: Stop): Promise<boolean> {
  const { settings, say } = stop;
  const running = existsSync(settings.runDir);
  const before = running || (stop.purge && existsSync(settings.stateDir));
  const problems: string[] = [];
  // First who asks for workers, then who makes them.
  await stopNamed(stop, "gateway");
  const agentIsOurs = (await readDaemon(settings.runDir, "agent")) !== undefined;
  if (!agentIsOurs && (await foreignAgentServes(settings))) {
    say(`an agent that up did not start serves at ${settings.agentAddress}: it and its workers are left alone`);
    return before;
  }
  await destroyWorkers(stop);
  await stopNamed(stop, "agent");
  // Last: its workers do not outlive it.
  await stopNamed(stop, "runtime-api");
  const own = await ownContainerd(settings);
  // Its shims may have survived it: only containerd can take them back and end what runs under them.
  if (own !== undefined && !(await isRunning(own))) await startOwnContainerd(settings, own.signature);
  if (running || (await containerdVersion(settings)) !== undefined) await tearDown(stop, problems);
  const containerd = await ownContainerd(settings);
  if (containerd !== undefined && (await stopOwnContainerd(settings, containerd))) say("containerd stopped");
  await removeFolders(stop);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return before;
}

async function stopNamed({ settings, say }: Stop, name: "agent" | "gateway" | "runtime-api"): Promise<void> {
  const daemon = await readDaemon(settings.runDir, name);
  if (daemon !== undefined && (await stopDaemon(daemon, settings.runDir, 20_000))) say(`${name} stopped`);
}

async function foreignAgentServes(settings: ScriptSettings): Promise<boolean> {
  using agent = agentAt(settings.agentAddress);
  return await agent.isServing();
}

/** What the agent cannot destroy is left to `tearDown`. */
async function destroyWorkers({ settings, say }: Stop): Promise<void> {
  const daemon = await readDaemon(settings.runDir, "agent");
  if (daemon === undefined || !(await isRunning(daemon))) return;
  using agent = agentAt(settings.agentAddress);
  const workers = await agent.listWorkers().catch((error: Error) => {
    say(`the agent does not list its workers: ${error.message}`);
    return [];
  });
  const failures = await agent.destroyWorkers(workers.map((worker) => worker.id));
  for (const failure of failures) say(`the agent could not destroy ${failure}`);
  if (workers.length > 0) say(`${workers.length - failures.length} of ${workers.length} workers destroyed`);
}

/** Removes workers and network through containerd and the kernel, with no agent running. */
async function tearDown({ say, purge }: Stop, problems: string[]): Promise<void> {
  const command = [join(root, "agent/teardown.ts"), ...(purge ? ["--purge"] : [])];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, command, {
      cwd: root,
      env: { ...process.env, LOG_LEVEL: "warn" },
      timeout: 120_000,
    });
    if (stdout.trim() !== "") say(stdout.trimEnd());
    say(purge ? "workers, network and images removed" : "workers and network removed");
  } catch (error) {
    const { stdout, stderr, message } = error as { stdout?: string; stderr?: string; message: string };
    problems.push(`not everything was removed: ${[stdout, stderr].join("").trim() || message}`);
  }
}

async function removeFolders({ settings, purge }: Stop): Promise<void> {
  // Of workers that are gone by now.
  await rm(inFlightPath(settings.runDir, settings.owner), { force: true });
  await removeClaimed(settings.runDir);
  if (purge) await removeClaimed(settings.stateDir);
  // runc and the kernel keep a folder per containerd namespace; one that is in use is not empty and stays.
  const groups = await readdir("/sys/fs/cgroup").catch(() => []);
  const left = [
    `/run/containerd/runc/${settings.namespace}`,
    `/sys/fs/cgroup/${settings.namespace}`,
    ...groups.map((group) => `/sys/fs/cgroup/${group}/${settings.namespace}`),
  ];
  for (const folder of left) await rmdir(folder).catch(() => {});
}

/** A folder that was there before up keeps what is not ours. */
async function removeClaimed(folder: string): Promise<void> {
  await unmountBelow(folder);
  if (existsSync(join(folder, marker))) await rm(folder, { recursive: true, force: true });
}
