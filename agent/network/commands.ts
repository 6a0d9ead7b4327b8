import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { AgentError } from "../errors.ts";

export interface CommandOptions {
  /** Written to its standard input. */
  readonly input?: string;
  /** Added to PATH, which is all that a command is given otherwise. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Kills the command. */
  readonly signal?: AbortSignal;
}

export interface CommandOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end; a failing exit code is an outcome, not an error.
 * @throws AgentError NETWORK_FAILED when it cannot be run or takes too long; the signal's reason when aborted
 */
export type RunCommand = (file: string, args: readonly string[], options?: CommandOptions) => Promise<CommandOutcome>;

/** Where Debian has the programs that we run. */
const packages: Readonly<Record<string, string>> = {
  ip: "iproute2",
  "iptables-save": "iptables",
  "iptables-restore": "iptables",
};

/**
 * Real processes. Each is killed after `timeoutMs`, since a hung plugin must not hold a worker's start for ever; and
 * each has a process group of its own, so that what it started goes with it, and so that Ctrl-C at the agent does not
 * interrupt a plugin half-way.
 */
export function createCommandRunner(timeoutMs: number): RunCommand {
  return async (file, args, { input = "", environment, signal } = {}) => {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<CommandOutcome>();
    const child = spawn(file, args, { env: { PATH: process.env.PATH, ...environment }, detached: true });
    child.once("error", (error: NodeJS.ErrnoException) => reject(cannotRun(file, error)));
    // Where there are no file descriptors left for its pipes, there is only the error to come.
    if ((child as Partial<typeof child>).stdin === undefined) return promise;
    let given: { readonly up: unknown } | undefined;
    const giveUp = (reason: unknown) => {
      given ??= { up: reason };
      killGroup(child.pid);
    };
    const onAbort = () => giveUp(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const timer = setTimeout(() => giveUp(tookTooLong(file, timeoutMs)), timeoutMs);
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    // A program that ends without reading its input is judged by its exit code.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    child.once("close", (exitCode, killedBy) => {
      if (given !== undefined) reject(given.up);
      else if (exitCode !== null) resolve({ exitCode, stdout: stdout(), stderr: stderr() });
      else reject(new AgentError("NETWORK_FAILED", `${file} was ended by ${killedBy}`));
    });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  };
}

function collect(stream: Readable): () => string {
  let text = "";
  stream.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  return () => text;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has just ended by itself.
  }
}

function tookTooLong(file: string, timeoutMs: number): AgentError {
  return new AgentError("NETWORK_FAILED", `${file} was killed: it took longer than ${timeoutMs} ms`);
}

/** Whether an error of a runner says that there is no such program. */
export function isNotInstalled(error: unknown): boolean {
  return error instanceof AgentError && (error.cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
}

function cannotRun(file: string, error: NodeJS.ErrnoException): AgentError {
  const source = packages[file];
  const advice = error.code === "ENOENT" && source !== undefined ? `: it is not installed; apt install ${source}` : "";
  return new AgentError("NETWORK_FAILED", `cannot run ${file}${advice || ` (${error.message})`}`, { cause: error });
}
