import { delay } from "../../common/delay.ts";
import { type LogFile, LogFiles, type LogPosition } from "./files.ts";
import { type LogLine, parseLines } from "./lines.ts";
import type { LogOwner } from "./names.ts";
import { tailStart } from "./tail.ts";

export interface LogRequest {
  /** Whether to go on with what is printed from now on, until the worker is gone. */
  readonly follow: boolean;
  /** Only that many of the last lines; undefined: all that are kept. */
  readonly tailLines: number | undefined;
  /** Only lines from this moment on, in nanoseconds since 1970. */
  readonly sinceNs: bigint;
}

/** Lines are read, and handed on, in pieces of this size, a few records: what a slow reader holds up waits on disk. */
const pieceBytes = 64 * 1024;
/** Looking is two system calls, and needs no inotify, of which a machine has few. */
const lookAgainMs = 100;
const lost = Buffer.from("[esb: lines that came here were removed before they could be read]");

/**
 * What a worker has printed, in batches, oldest first. Ends when there is no more; when it follows, once the worker is
 * gone and all has been read, or when the signal aborts.
 * @param isThere whether the worker still is
 * @param pause waits a moment, or until the signal aborts
 */
export async function* readLog(
  folder: string,
  owner: LogOwner,
  request: LogRequest,
  isThere: () => boolean,
  signal: AbortSignal,
  pause: (signal: AbortSignal) => Promise<void> = (until) => delay(lookAgainMs, until),
): AsyncGenerator<LogLine[], void> {
  const files = new LogFiles(folder, owner);
  const end = await files.end();
  const { follow, tailLines, sinceNs } = request;
  const limit = follow ? undefined : end;
  let next = tailLines === undefined ? { number: 0, offset: 0 } : await tailStart(files, tailLines, end);
  let timeNs = 0n;

  while (!signal.aborted) {
    await using file = await files.openFrom(next.number);
    if (file === undefined) {
      if (!follow || !isThere()) return;
      await pause(signal);
      continue;
    }
    if (limit !== undefined && file.number > limit.number) return;
    if (next.number > 0 && file.number > next.number)
      yield [{ timeNs, stream: "stderr", extension: 0, text: lost, partial: false }];
    const begin = file.number === next.number ? next.offset : 0;
    for await (const lines of readFile(file, begin, limit, pause, signal)) {
      timeNs = lines.at(-1)?.timeNs ?? timeNs;
      const wanted = sinceNs === 0n ? lines : lines.filter((line) => line.timeNs >= sinceNs);
      if (wanted.length > 0) yield wanted;
    }
    next = { number: file.number + 1, offset: 0 };
  }
}

/** Until nothing more will be written to the file, or up to the limit. */
async function* readFile(
  file: LogFile,
  begin: number,
  limit: LogPosition | undefined,
  pause: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): AsyncGenerator<LogLine[], void> {
  let offset = begin;
  while (!signal.aborted) {
    const { size, isComplete } = await file.look();
    const end = limit?.number === file.number ? Math.min(size, limit.offset) : size;
    // On a full disk the driver takes back what it could write only in part.
    offset = Math.min(offset, size);
    while (offset < end && !signal.aborted) {
      const piece = await file.read(offset, Math.min(offset + pieceBytes, end));
      const { lines, bytes } = parseLines(piece);
      if (bytes === 0 && piece.length < pieceBytes) break;
      offset += bytes === 0 ? piece.length : bytes;
      if (lines.length > 0) yield lines;
    }
    if (isComplete || limit !== undefined) return;
    await pause(signal);
  }
}
