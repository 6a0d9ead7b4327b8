import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { killShims, removeAllContainers, unmountBelow } from "./containerd-cleanup.ts";

/** A containerd of a test's own: own root, state and socket, so that nothing of the machine's is touched. */
export interface TestContainerd extends AsyncDisposable {
  /** Path of its socket. */
  readonly address: string;
  /** Its temporary folder; a test may put its own files there, they go with it. */
  readonly dir: string;
  /** Pid of the running daemon; undefined while it is stopped. */
  readonly pid: number | undefined;
  /** Runs `ctr` against it and returns standard output. @throws with ctr's standard error in the message */
  ctr(...args: string[]): Promise<string>;
  /** Starts it again after `stop` or `kill`; what it knew is still there. */
  start(): Promise<void>;
  /** Stops the daemon with SIGTERM; containers go on running, state stays. */
  stop(): Promise<void>;
  /** SIGKILL: as a crash of the daemon. */
  kill(): Promise<void>;
  /** `stop`, then `start`. */
  restart(): Promise<void>;
  /** What the daemon has logged so far. */
  log(): Promise<string>;
}

export interface ContainerdOptions {
  /** Path of the containerd to run; default: the one in ESB_TEST_CONTAINERD_BIN, else the one in PATH. */
  readonly binary?: string;
  /** More environment variables for the daemon and `ctr`. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts a containerd and waits until it answers. Disposing of it kills all its containers and removes all of it. */
export async function startContainerd(options: ContainerdOptions = {}): Promise<TestContainerd> {
  const dir = await mkdtemp(join(tmpdir(), "esb-test-"));
  const address = join(dir, "containerd.sock");
  const environment = environmentFor(options);
  const logPath = join(dir, "containerd.log");
  let daemon: ChildProcess | undefined;

  const ctr = async (...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)("ctr", ["--address", address, ...args], {
      env: environment,
      timeout: 120_000,
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const child = daemon;
    daemon = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    const fallback = setTimeout(() => child.kill("SIGKILL"), 15_000);
    await exited;
    clearTimeout(fallback);
  };
  const start = async (): Promise<void> => {
    if (daemon !== undefined) return;
    await using log = await open(logPath, "a");
    const binary = options.binary ?? "containerd";
    // A test process that is killed takes its containerd with it.
    daemon = spawn("setpriv", ["--pdeathsig", "KILL", binary, "--config", join(dir, "config.toml")], {
      env: environment,
      stdio: ["ignore", log.fd, log.fd],
    });
    await untilAnswering(daemon, address, ctr, logPath);
  };
  const dispose = async (): Promise<void> => {
    if (daemon === undefined) await start().catch(() => {});
    if (daemon !== undefined) await removeAllContainers(ctr);
    await end("SIGTERM");
    await killShims(address);
    await unmountBelow(dir);
    await rm(dir, { recursive: true, force: true });
  };

  await writeFile(join(dir, "config.toml"), configuration(dir, address));
  try {
    await start();
  } catch (error) {
    await end("SIGKILL");
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
  return {
    address,
    dir,
    get pid() {
      return daemon?.pid;
    },
    ctr,
    start,
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    restart: async () => {
      await end("SIGTERM");
      await start();
    },
    log: () => readFile(logPath, "utf8"),
    [Symbol.asyncDispose]: dispose,
  };
}

/** Binaries of a test matrix come first in PATH: containerd finds its shim and runc there. */
function environmentFor(options: ContainerdOptions): NodeJS.ProcessEnv {
  const folder = options.binary === undefined ? process.env.ESB_TEST_CONTAINERD_BIN : dirname(options.binary);
  const system = `${process.env.PATH ?? ""}:/usr/sbin:/usr/bin:/sbin:/bin`;
  return { ...process.env, PATH: folder ? `${folder}:${system}` : system, ...options.env };
}

/** Format 2 is read by containerd 1.6, 1.7 and 2.x alike; unknown names in disabled_plugins do no harm. */
function configuration(dir: string, address: string): string {
  return `version = 2
root = "${dir}/root"
state = "${dir}/state"
disabled_plugins = [
  "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime",
  "io.containerd.nri.v1.nri",
]
[grpc]
  address = "${address}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${dir}/opt"
`;
}

async function untilAnswering(
  daemon: ChildProcess,
  address: string,
  ctr: TestContainerd["ctr"],
  logPath: string,
): Promise<void> {
  const deadline = Date.now() + 30_000;
  let failure: unknown;
  const setFailure = (error: unknown) => {
    failure = error;
    return false;
  };
  daemon.once("error", setFailure);
  for (;;) {
    // ctr waits ten seconds for a socket that is not there.
    const answers = existsSync(address) && (await ctr("version").then(() => true, setFailure));
    if (answers) return;
    const gone = daemon.pid === undefined || daemon.exitCode !== null || daemon.signalCode !== null;
    if (gone || Date.now() > deadline) {
      const log = await readFile(logPath, "utf8").catch(() => "");
      throw new Error(`containerd did not start: ${log.slice(-2000)}`, { cause: failure });
    }
    await sleep(20);
  }
}
