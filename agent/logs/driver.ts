import { access, constants, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../common/logger.ts";
import { readOptional, writeAtomically } from "../files.ts";
import { type LogOwner, logStem } from "./names.ts";

export interface LogDriverOptions {
  /** Folder that the machine's containerd sees under the same path, whatever mount namespace it runs in. */
  readonly stateDir: string;
  /** Where the logs go. */
  readonly folder: string;
  /** Size at which a file is put aside and a new one begun. */
  readonly fileBytes: number;
  /** Files that are kept of a worker, the current one included. */
  readonly files: number;
}

/** On every Debian; perl-base, a few milliseconds and half a megabyte for each worker: see logger.pl for why. */
const interpreter = "/usr/bin/perl";
/** What a worker may print over time. A flood costs disk and CPU time that no limit of the worker's own holds back. */
const bytesPerSecond = 1024 * 1024;
/** The number of clock_gettime(2), which perl-base has no function for; 0: whole seconds have to do. */
const clockCall: Partial<Record<NodeJS.Architecture, number>> = { x64: 228, arm64: 113 };

const missing = `containerd finds no ${interpreter}, which keeps the workers' logs; it is in Debian's package perl-base`;

const scriptPath = (stateDir: string) => join(stateDir, "logger.pl");

/**
 * Puts the driver where containerd's shims find it; workers that run keep the one that they were started with. One that
 * is right already is left alone: an agent whose disk is full can still begin anew, and thaw what is frozen.
 */
export async function installLogDriver(stateDir: string, logger: Pick<Logger, "warn">): Promise<void> {
  const script = await readFile(join(import.meta.dirname, "logger.pl"), "utf8");
  if ((await readOptional(scriptPath(stateDir))) !== script) await writeAtomically(scriptPath(stateDir), script);
  // containerd may have another file system than the agent: only a start can tell for sure.
  await access(interpreter, constants.X_OK).catch(() => logger.warn(missing));
}

export async function removeLogDriver(stateDir: string): Promise<void> {
  await rm(scriptPath(stateDir), { force: true });
}

/** What to tell of a task that containerd refused to create; undefined: that had nothing to do with the driver. */
export function logDriverProblem(refusal: string): string | undefined {
  const [, words] = /failed to start binary process: (.*?)(?:: unknown)?$/s.exec(refusal) ?? [];
  if (words === undefined) return undefined;
  return /no such file/.test(words) ? missing : `the workers' logging driver cannot be started: ${words}`;
}

/**
 * The logging driver of a worker's process, as containerd takes it for stdout: a binary and its arguments in a query.
 * containerd turns each key and its first value into two arguments, in no order (pkg/process/io_util.go), so there is
 * one key: the script.
 * @param extension number of the extension whose process it is, from 1 on; 0: the function's own
 */
export function logDriverUri(
  { stateDir, folder, fileBytes, files }: LogDriverOptions,
  owner: LogOwner,
  extension = 0,
): string {
  const call = clockCall[process.arch] ?? 0;
  const argument = [fileBytes, files, bytesPerSecond, call, extension, join(folder, logStem(owner))].join(":");
  return `binary://${interpreter}?${encodeURIComponent(scriptPath(stateDir))}=${encodeURIComponent(argument)}`;
}
