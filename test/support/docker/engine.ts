import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCgroups } from "../../../agent/recovery/cgroups.ts";
import { fetchPackages } from "../../../scripts/matrix/debs.ts";
import { buildStep } from "../build-step.ts";
import { kill, until } from "../process.ts";
import { command } from "./command.ts";
import { createEngineNetwork } from "./engine-network.ts";
import { noteRun } from "./runs.ts";

const cache = join(import.meta.dirname, "../../../.cache/docker");

/** A Docker engine of the test's own. */
export interface DockerEngine extends AsyncDisposable {
  /** Where this machine reaches the ports that are published. */
  readonly address: string;
  /** A folder that goes with it. */
  readonly dir: string;
  /** Variables by which Docker's client finds it. */
  readonly environment: NodeJS.ProcessEnv;
  /** Runs the client. @param settings environment variables @throws Error with its words */
  docker(args: readonly string[], settings?: NodeJS.ProcessEnv): Promise<string>;
  /** Runs the client to build images, which fetches and compiles: what stalls is ended and run once more. */
  build(args: readonly string[], settings?: NodeJS.ProcessEnv): Promise<string>;
  /** Runs a program where the engine runs, which takes itself for the machine. */
  inside(file: string, ...args: readonly string[]): Promise<string>;
  /** A signal to a process that `docker inspect` tells of: the engine numbers processes by itself. */
  kill(pid: number, signal: NodeJS.Signals): Promise<void>;
  /** As when the machine loses its power: all ends at once; then the engine starts as it does at a boot. */
  reboot(): Promise<void>;
  log(): Promise<string>;
}

/**
 * Starts dockerd in network, mount and process namespaces of its own, so that all that it makes goes when it does. Only
 * images and what builds have cached stay, in .cache/docker.
 * @param machine `offline`: it has no images, keeps none, and reaches nobody but this machine
 */
export async function startEngine(machine: "online" | "offline" = "online"): Promise<DockerEngine> {
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), "esb-docker-"));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const id = randomBytes(3).toString("hex");
  const [name, group] = [`esb-d${id}`, `esb-docker-${id}`];
  const data = machine === "online" ? join(cache, "engine") : join(dir, "data");
  stack.use(await noteRun(join(cache, "runs"), { network: name, group, dir, data }, removeCgroups));
  stack.defer(() => removeCgroups(group));
  const network = stack.use(await createEngineNetwork(name, machine === "online"));
  await installPlugins(join(dir, "config/cli-plugins"));
  const socket = `unix://${join(dir, "docker.sock")}`;
  const logPath = join(dir, "dockerd.log");
  const begin = () =>
    startDaemon(
      network.path,
      [
        ["--data-root", data],
        ["--exec-root", "/run/docker"],
        ["--pidfile", "/run/docker.pid"],
        ["--host", socket],
        ["--bip", "172.30.0.1/24"],
        ["--default-address-pool", "base=172.31.0.0/16,size=24"],
        ["--mtu", String(network.mtu)],
        ["--cgroup-parent", `/${group}`],
        ["--exec-opt", "native.cgroupdriver=cgroupfs"],
        ["--oom-score-adjust", "0"],
      ].flat(),
      logPath,
    );
  let daemon = begin();
  stack.defer(() => endDaemon(daemon));
  const environment = {
    PATH: process.env.PATH,
    DOCKER_HOST: socket,
    DOCKER_CONFIG: join(dir, "config"),
    DOCKER_BUILDKIT: "1",
    BUILDKIT_PROGRESS: "plain",
  };
  const docker = (args: readonly string[], settings: NodeJS.ProcessEnv = {}) =>
    command("docker", args, { ...environment, ...settings });
  const build: DockerEngine["build"] = (args, settings = {}) =>
    buildStep("docker", args, { environment: { ...environment, ...settings }, limit: 900 });
  const log = () => readFile(logPath, "utf8");
  const inside: DockerEngine["inside"] = async (file, ...args) => {
    const [dockerd = ""] = await childrenOf(daemon);
    return command("nsenter", ["--target", dockerd, "--pid", "--mount", "--net", file, ...args]);
  };
  const ready = async () => {
    await until(
      async () => {
        if (daemon.exitCode === null) await docker(["version"]);
      },
      60_000,
      log,
    );
    if (daemon.exitCode !== null) throw new Error(`dockerd has ended: ${await log()}`);
  };
  await ready();
  await removeOld(docker);
  const owned = stack.move();
  return {
    address: network.address,
    dir,
    environment,
    docker,
    build,
    log,
    inside,
    async reboot() {
      const ended = once(daemon, "exit");
      daemon.kill("SIGKILL");
      await ended;
      daemon = begin();
      await ready();
    },
    kill: async (pid, signal) => void (await inside("sh", "-c", `kill -${signal.slice(3)} ${pid}`)),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** `--kill-child`: whatever ends `unshare` ends the process namespace, and with it every container. */
function startDaemon(networkPath: string, args: readonly string[], logPath: string): ChildProcess {
  const log = openSync(logPath, "a");
  const unshare = ["--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--propagation", "private"];
  const inside = 'mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib && exec dockerd "$@"';
  const daemon = spawn(
    "setpriv",
    [
      ...["--pdeathsig", "KILL", "nsenter", `--net=${networkPath}`, "unshare", ...unshare],
      ...["sh", "-c", inside, "dockerd", ...args],
    ],
    { stdio: ["ignore", log, log] },
  );
  closeSync(log);
  return daemon;
}

async function endDaemon(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null || daemon.pid === undefined) return;
  const ended = once(daemon, "exit");
  for (const child of await childrenOf(daemon)) kill(Number(child), "SIGTERM");
  const timer = setTimeout(() => daemon.kill("SIGKILL"), 30_000);
  await ended;
  clearTimeout(timer);
}

/** Of `unshare`, which is dockerd's parent. */
async function childrenOf({ pid }: ChildProcess): Promise<string[]> {
  return (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).split(" ").filter(Boolean);
}

/** Containers that an earlier run left when it was killed would be started anew. */
async function removeOld(docker: DockerEngine["docker"]): Promise<void> {
  const ids = (await docker(["ps", "--all", "--quiet"])).split("\n").filter(Boolean);
  if (ids.length > 0) await docker(["rm", "--force", "--volumes", ...ids]);
  const volumes = (await docker(["volume", "ls", "--quiet"])).split("\n").filter(Boolean);
  if (volumes.length > 0) await docker(["volume", "rm", "--force", ...volumes]);
  await docker(["network", "prune", "--force"]);
}

/** Debian 12 has no compose plugin; that of Debian 13 works with its engine. */
async function installPlugins(folder: string): Promise<void> {
  const packages = join(cache, "plugins");
  const from = join(packages, "usr/libexec/docker/cli-plugins");
  const there = await readdir(from).catch(() => []);
  if (there.length === 0) {
    await mkdir(cache, { recursive: true });
    await fetchPackages("trixie", ["docker-compose", "docker-buildx"], packages);
  }
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(from)) {
    await copyFile(join(from, name), join(folder, name));
    await chmod(join(folder, name), 0o755);
  }
}

/** With all that is below it. */
export async function removeCgroups(group: string): Promise<void> {
  const [namespace = "", id = ""] = ["", group];
  await createCgroups({ root: "/sys/fs/cgroup", namespace, kill }).remove(id);
}
