import { watch } from "node:fs";
import { readdir } from "node:fs/promises";
import { delay } from "../../common/delay.ts";
import type { LogPosition } from "./files.ts";
import type { LogLine } from "./lines.ts";
import { type LogOwner, logStem, parseLogFileName } from "./names.ts";
import { LogTailing } from "./tailing.ts";

export interface FollowOptions {
  readonly folder: string;
  /** Whether a worker's log is asked for; also false as long as it is not known. */
  readonly isWanted: (owner: LogOwner) => boolean;
  /** How far a worker's log has been read already, by instance. */
  readonly positions: ReadonlyMap<string, LogPosition>;
  /** Of logs without such a position, only lines from this moment on, in nanoseconds since 1970. */
  readonly sinceNs: bigint;
  readonly signal: AbortSignal;
  /** Says, until the signal aborts, which file has changed. */
  readonly watch?: (folder: string, onChanged: (fileName: string) => void, signal: AbortSignal) => void;
  /** Waits until all logs are looked at, or until the signal aborts. */
  readonly pause?: (signal: AbortSignal) => Promise<void>;
}

/** What one worker has printed, and where to go on behind it. */
export interface FollowedLines {
  readonly owner: LogOwner;
  readonly lines: readonly LogLine[];
  readonly position: LogPosition;
}

/** Changes are told by inotify, one watch for all; this is for what it did not tell, in a flood for instance. */
const lookAtAllMs = 5000;

/**
 * What many workers print, as it comes, until the signal aborts. Whoever prints much holds up nobody: each gets a piece
 * in turn, and nothing is read before it is taken.
 */
export async function* followLogs(options: FollowOptions): AsyncGenerator<FollowedLines, void> {
  const { folder, signal } = options;
  const turns = new Turns();
  const tailings = new Map<
    string,
    { readonly owner: LogOwner; readonly tailing: LogTailing; readonly fresh: boolean }
  >();
  const mark = (fileName: string) => {
    const name = parseLogFileName(fileName);
    if (name !== undefined && (tailings.has(logStem(name)) || options.isWanted(name))) turns.add(name);
  };
  const markAll = async () => {
    for (const fileName of await readdir(folder)) mark(fileName);
    // What is gone is in no folder, but may have left last words.
    for (const { owner } of tailings.values()) turns.add(owner);
  };
  const begin = (owner: LogOwner) => {
    const position = options.positions.get(owner.instanceId);
    const tailing = new LogTailing(folder, owner, position ?? { number: 0, offset: 0 });
    return { owner, tailing, fresh: position === undefined };
  };
  await using stack = new AsyncDisposableStack();
  const ending = new AbortController();
  stack.defer(() => ending.abort());
  const life = AbortSignal.any([signal, ending.signal]);
  stack.defer(async () => {
    for (const { tailing } of tailings.values()) await tailing[Symbol.asyncDispose]();
  });

  (options.watch ?? watchFolder)(folder, mark, life);
  await markAll();
  while (!signal.aborted) {
    const owner = turns.take();
    if (owner === undefined) {
      if (!(await turns.next(options.pause ?? ((until) => delay(lookAtAllMs, until)), life))) await markAll();
      continue;
    }
    const stem = logStem(owner);
    const followed = tailings.get(stem) ?? begin(owner);
    tailings.set(stem, followed);
    const { lines, position, more } = await followed.tailing.read();
    if (more) turns.add(owner);
    else if (followed.tailing.isGone) tailings.delete(stem);
    const wanted = followed.fresh ? lines.filter((line) => line.timeNs >= options.sinceNs) : lines;
    if (wanted.length > 0) yield { owner, lines: wanted, position };
  }
}

/** Whose log is to be read next: first come, first served, each once. */
class Turns {
  readonly #waiting = new Map<string, LogOwner>();
  #wake: (() => void) | undefined;

  add(owner: LogOwner): void {
    const { id, instanceId } = owner;
    this.#waiting.set(logStem(owner), { id, instanceId });
    this.#wake?.();
  }

  take(): LogOwner | undefined {
    const [first] = this.#waiting;
    if (first !== undefined) this.#waiting.delete(first[0]);
    return first?.[1];
  }

  /** Resolves with the next turn, true, or when the pause is over, false. */
  async next(pause: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<boolean> {
    const come = new AbortController();
    this.#wake = () => come.abort();
    await pause(AbortSignal.any([signal, come.signal]));
    this.#wake = undefined;
    return come.signal.aborted;
  }
}

/** Says, until the signal aborts, which file of a folder has changed. */
export function watchFolder(folder: string, onChanged: (fileName: string) => void, signal: AbortSignal): void {
  const watcher = watch(folder, { signal, persistent: false });
  watcher.on("change", (_event, fileName) => onChanged(String(fileName)));
  // A machine that has no inotify left: all logs are looked at from time to time all the same.
  watcher.on("error", () => watcher.close());
}
