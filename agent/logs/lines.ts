/** A line that a worker printed, or a part of a long one. */
export interface LogLine {
  /** When it was read from the worker, in nanoseconds since 1970. */
  readonly timeNs: bigint;
  readonly stream: "stdout" | "stderr";
  /** The number of the extension that printed it, from 1 on; 0: it is the function's own. */
  readonly extension: number;
  /** Without the line's end. */
  readonly text: Buffer;
  /** Whether the line goes on in the next one of this stream, of the same extension. */
  readonly partial: boolean;
}

const newline = 0x0a;
/** `2026-11-22T01:02:03.456789012Z stdout F `, of the tenth extension `2026-11-22T01:02:03.456789012Z stdout F:x10 ` */
const header = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})\.(\d{9})Z (stdout|stderr) ([FP])(?::x([1-9]\d?))? /;
const headerBytes = 44;
const nanosecondsPerMillisecond = 1_000_000n;

/**
 * Parses the lines that end in a piece of a log; see logger.pl for the format. What is no record of it is left out.
 * @returns their texts as views of the piece, and how many bytes of it they and what was left out take
 */
export function parseLines(piece: Buffer): { readonly lines: LogLine[]; readonly bytes: number } {
  const lines: LogLine[] = [];
  let bytes = 0;
  for (let end = piece.indexOf(newline); end >= 0; end = piece.indexOf(newline, bytes)) {
    const line = parseRecord(piece.subarray(bytes, end));
    if (line !== undefined) lines.push(line);
    bytes = end + 1;
  }
  return { lines, bytes };
}

function parseRecord(record: Buffer): LogLine | undefined {
  const found = header.exec(record.toString("latin1", 0, headerBytes));
  if (found === null) return undefined;
  const [{ length }, second = "", nanoseconds = "", stream, tag, extension = "0"] = found;
  const milliseconds = Date.parse(`${second}Z`);
  if (Number.isNaN(milliseconds)) return undefined;
  return {
    timeNs: BigInt(milliseconds) * nanosecondsPerMillisecond + BigInt(nanoseconds),
    stream: stream === "stderr" ? "stderr" : "stdout",
    extension: Number(extension),
    text: record.subarray(length),
    partial: tag === "P",
  };
}
