import type { LogLine, LogsRequest } from "../../proto/gen/esb/agent/v1/agent.ts";
import { LogStream } from "../../proto/gen/esb/agent/v1/agent.ts";
import type { TestEsb } from "./esb.ts";
import { patienceMs, until } from "./process.ts";

/** Follows a worker's log and keeps what it is told. */
export interface LogFollower extends AsyncDisposable {
  readonly lines: readonly LogLine[];
  /** How it was ended by the other side: an error, or null when it just ended; undefined while it goes on. */
  readonly ending: unknown;
  /** Waits for a line with this text. */
  told(text: string, withinMs?: number): Promise<LogLine>;
  /** Waits until the other side has ended it. */
  ended(withinMs?: number): Promise<void>;
}

export function followLog(esb: Pick<TestEsb, "workers">, request: Partial<LogsRequest>): LogFollower {
  const leaving = new AbortController();
  const lines: LogLine[] = [];
  let ending: unknown;
  const reading = (async () => {
    const stream = esb.workers.logs({ ...request, follow: true }, { signal: leaving.signal });
    for await (const message of stream) lines.push(...message.lines);
    ending = null;
  })().catch((error: unknown) => {
    ending = error;
  });
  return {
    lines,
    get ending() {
      return ending;
    },
    async told(text, withinMs = patienceMs) {
      const find = () => lines.find((line) => textOf(line) === text);
      await until(async () => {
        if (find() === undefined) throw new Error(`no line ${text}, only ${lines.map(textOf).slice(-20).join("; ")}`);
      }, withinMs);
      return find() as LogLine;
    },
    async ended(withinMs = patienceMs) {
      await until(async () => {
        if (ending === undefined) throw new Error("the log is still followed");
      }, withinMs);
    },
    async [Symbol.asyncDispose]() {
      leaving.abort();
      await reading;
    },
  };
}

/** All lines that are kept of a worker. */
export async function readLog(esb: Pick<TestEsb, "workers">, request: Partial<LogsRequest>): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for await (const message of esb.workers.logs(request)) lines.push(...message.lines);
  return lines;
}

export const textOf = ({ text }: LogLine) => Buffer.from(text).toString();

/** As `stdout: text`. */
export const shown = (line: LogLine) => `${line.stream === LogStream.STDERR ? "stderr" : "stdout"}: ${textOf(line)}`;
