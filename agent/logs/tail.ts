import type { LogFiles, LogPosition } from "./files.ts";

const newline = 0x0a;
const blockBytes = 64 * 1024;

/**
 * Where the last lines of a log begin, by reading it backwards.
 * @param lines how many; parts of long lines count as lines
 * @param end where the log ends
 */
export async function tailStart(files: LogFiles, lines: number, end: LogPosition): Promise<LogPosition> {
  // The end of the line before them; the log's last line has its end, too.
  let toFind = lines + 1;
  for (let { number, offset } = end; number > 0; number -= 1, offset = Number.POSITIVE_INFINITY) {
    await using file = await files.open(number);
    // Rotated away: there are no lines before.
    if (file === undefined) break;
    let blockEnd = Math.min(offset, (await file.look()).size);
    while (blockEnd > 0) {
      const blockBegin = Math.max(0, blockEnd - blockBytes);
      const block = await file.read(blockBegin, blockEnd);
      for (let at = block.lastIndexOf(newline); at >= 0; at = at === 0 ? -1 : block.lastIndexOf(newline, at - 1)) {
        toFind -= 1;
        if (toFind === 0) return { number, offset: blockBegin + at + 1 };
      }
      blockEnd = blockBegin;
    }
  }
  return { number: 0, offset: 0 };
}
