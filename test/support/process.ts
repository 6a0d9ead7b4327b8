import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/** A process of ours with its log, started and stopped by the test. */
export interface TestProcess {
  readonly pid: number | undefined;
  start(): Promise<void>;
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Waits for the end, whatever brings it. @returns the exit code; undefined after a signal, or when none was started */
  ended(): Promise<number | undefined>;
  /** @throws Error with its log when it has ended of itself */
  assertAlive(): Promise<void>;
  log(): Promise<string>;
}

export interface TestProcessOptions {
  /** Words before Node's own; they replace themselves by it. */
  readonly through?: readonly string[];
  /** Arguments of Node. */
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly logPath: string;
}

/** A Node process, not started yet. It goes with the process of the test, also when that is killed. */
export function testProcess({ through = [], args, cwd, environment, logPath }: TestProcessOptions): TestProcess {
  let child: ChildProcess | undefined;
  let exited: Promise<unknown[]> | undefined;
  const log = () => readFile(logPath, "utf8").catch(() => "");
  return {
    get pid() {
      return child?.pid;
    },
    log,
    async start() {
      const file = openSync(logPath, "a");
      child = spawn("setpriv", ["--pdeathsig", "KILL", ...through, process.execPath, ...args], {
        cwd,
        env: { ...process.env, ...environment },
        stdio: ["ignore", file, file],
      });
      closeSync(file);
      exited = once(child, "exit");
    },
    async stop(signal = "SIGTERM") {
      child?.kill(signal);
      await exited;
      child = undefined;
    },
    async ended() {
      await exited;
      return child?.exitCode ?? undefined;
    },
    async assertAlive() {
      const gone = child === undefined || child.exitCode !== null || child.signalCode !== null;
      if (gone)
        throw new Error(`${args.join(" ")} has ended (${child?.exitCode ?? child?.signalCode}): ${await log()}`);
    },
  };
}

/** Longest time for what nobody has promised a time for, on a machine that does much else. It ends as soon as it is so. */
export const patienceMs = 60_000;

/** Tries until it succeeds. @throws with the last failure when the time is over */
export async function until(
  attempt: () => Promise<unknown>,
  timeoutMs: number,
  describe: (error: unknown) => Promise<string> = async (error) => String(error),
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw new Error(await describe(error), { cause: error });
      await delay(20);
    }
  }
}

/** As `until`, for something that this process does: when it ends meanwhile, there is nothing to wait for. */
export async function untilWhileAlive(
  process: TestProcess,
  attempt: () => Promise<unknown>,
  timeoutMs: number,
): Promise<void> {
  let ended: unknown;
  await until(
    async () => {
      await process.assertAlive().catch((error: unknown) => {
        ended = error;
      });
      if (ended === undefined) await attempt();
    },
    timeoutMs,
    async (error) => `${error}: ${await process.log()}`,
  );
  if (ended !== undefined) throw ended;
}

/** A signal to any process, which may have ended already. */
export function kill(pid: number, signal: NodeJS.Signals = "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** SIGKILL to any process, then waits until it runs no more. */
export async function killProcess(pid: number): Promise<void> {
  process.kill(pid, "SIGKILL");
  await untilEnded(pid);
}

/** Waits until a process runs no more, whoever ended it: one that was killed takes its time on a busy machine. */
export async function untilEnded(pid: number): Promise<void> {
  await until(async () => {
    // A zombie has no open files any more.
    const state = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ") Z");
    if (!state.includes(") Z")) throw new Error(`process ${pid} is still there`);
  }, patienceMs);
}
