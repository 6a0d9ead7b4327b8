import { LRUCache } from "lru-cache";
import { LogStream, type LogLine as ProtoLine } from "../proto/gen/esb/agent/v1/agent.ts";

/** A whole line that a worker printed. */
export interface PrintedLine {
  /** When it was read from the worker, in milliseconds since 1970, with fractions. */
  readonly timeMs: number;
  readonly stream: "stdout" | "stderr";
  /** The number of the extension that printed it, from 1 on; 0: it is the function's own. */
  readonly extension: number;
  readonly text: string;
}

/** A longer line is told in pieces. VictoriaLogs takes no more than 256 KiB of one, its other fields included. */
const longestLineBytes = 128 * 1024;
/** Of so many workers' streams, what a line began with is kept until its rest comes. */
const mostBegun = 1024;

/** Puts the parts of long lines together again: a worker's log has them cut. */
export class LineJoiner {
  readonly #begun = new LRUCache<string, Buffer[]>({ max: mostBegun });

  join(instanceId: string, lines: readonly ProtoLine[]): PrintedLine[] {
    const whole: PrintedLine[] = [];
    for (const { timeNs, stream, extension, text, partial } of lines) {
      const key = `${instanceId} ${stream} ${extension}`;
      const begun = this.#begun.get(key) ?? [];
      const parts = [...begun, Buffer.from(text.buffer, text.byteOffset, text.byteLength)];
      const bytes = parts.reduce((sum, part) => sum + part.length, 0);
      if (partial && bytes < longestLineBytes) {
        this.#begun.set(key, parts);
        continue;
      }
      if (begun.length > 0) this.#begun.delete(key);
      whole.push({
        timeMs: Number(timeNs) / 1e6,
        stream: stream === LogStream.STDERR ? "stderr" : "stdout",
        extension,
        text: Buffer.concat(parts, bytes).toString(),
      });
    }
    return whole;
  }
}
