import { type FileHandle, mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type LogOwner, logFileName, parseLogFileName, workerIdOfLog } from "./names.ts";

/** A place in a worker's log. */
export interface LogPosition {
  /** The file's. */
  readonly number: number;
  /** In bytes. */
  readonly offset: number;
}

/** The files of one worker's log. They come and go beside us: the logging driver makes and removes them. */
export class LogFiles {
  readonly #folder: string;
  readonly #owner: LogOwner;

  constructor(folder: string, owner: LogOwner) {
    this.#folder = folder;
    this.#owner = owner;
  }

  /** Opens the oldest file from this number on; undefined when there is none (yet, or any more). */
  async openFrom(number: number): Promise<LogFile | undefined> {
    for (;;) {
      const next = (await this.#numbers()).find((candidate) => candidate >= number);
      if (next === undefined) return undefined;
      const file = await this.open(next);
      if (file !== undefined) return file;
    }
  }

  /** @returns undefined when there is no such file */
  async open(number: number): Promise<LogFile | undefined> {
    const handle = await open(this.#path(number)).catch(absentAsUndefined);
    return handle && new LogFile(number, handle, () => this.#exists(number + 1));
  }

  /** Where the log ends now. */
  async end(): Promise<LogPosition> {
    const number = (await this.#numbers()).at(-1) ?? 0;
    const { size } = (await stat(this.#path(number)).catch(absentAsUndefined)) ?? { size: 0 };
    return { number, offset: size };
  }

  async #numbers(): Promise<number[]> {
    const { id, instanceId } = this.#owner;
    const names = (await namesIn(this.#folder)).map(parseLogFileName);
    const own = names.filter((name) => name?.id === id && name.instanceId === instanceId);
    return own.map((name) => name?.number ?? 0).sort((a, b) => a - b);
  }

  async #exists(number: number): Promise<boolean> {
    return (await stat(this.#path(number)).catch(absentAsUndefined)) !== undefined;
  }

  #path(number: number): string {
    return join(this.#folder, logFileName({ ...this.#owner, number }));
  }
}

/** A log file, open for reading, also when it is removed meanwhile. */
export class LogFile implements AsyncDisposable {
  readonly number: number;
  readonly #handle: FileHandle;
  readonly #hasSuccessor: () => Promise<boolean>;

  constructor(number: number, handle: FileHandle, hasSuccessor: () => Promise<boolean>) {
    this.number = number;
    this.#handle = handle;
    this.#hasSuccessor = hasSuccessor;
  }

  /** Its size in bytes, and whether nothing more will be written to it. */
  async look(): Promise<{ readonly size: number; readonly isComplete: boolean }> {
    const { size, nlink } = await this.#handle.stat();
    if (nlink > 0 && !(await this.#hasSuccessor())) return { size, isComplete: false };
    // Once more: in between, its last lines may have been written.
    return { size: (await this.#handle.stat()).size, isComplete: true };
  }

  /** The bytes from `begin` up to `end`, in memory of their own; fewer where the file has become shorter. */
  async read(begin: number, end: number): Promise<Buffer> {
    const { buffer, bytesRead } = await this.#handle.read(Buffer.allocUnsafeSlow(end - begin), 0, end - begin, begin);
    return buffer.subarray(0, bytesRead);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#handle.close();
  }
}

/** Removes what every worker of this id has printed. */
export async function removeLogs(folder: string, id: string): Promise<void> {
  const names = (await namesIn(folder)).filter((name) => parseLogFileName(name)?.id === id);
  await Promise.all(names.map((name) => rm(join(folder, name), { force: true })));
}

/** Ids of the workers that have a log. */
export async function listLogs(folder: string): Promise<string[]> {
  const ids = (await namesIn(folder)).map(workerIdOfLog);
  return [...new Set(ids.filter((id) => id !== undefined))];
}

/** Nobody but root needs to read what workers print. */
export async function makeLogFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o750 });
}

async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(absentAsUndefined)) ?? [];
}

function absentAsUndefined(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
