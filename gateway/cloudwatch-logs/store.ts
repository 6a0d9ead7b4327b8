import { Pool } from "undici";
import { basePath, basicCredentials } from "../../common/log-shipping/send.ts";
import { LogsError } from "./errors.ts";

/** An event as it is stored. */
export interface StoredEvent {
  /** Microseconds since 1970. */
  readonly timeUs: bigint;
  readonly message: string;
  readonly logStream: string;
}

export interface EventQuery {
  /** Only what this function has sent or printed. */
  readonly function: string;
  readonly group: string;
  /** A filter of streams and texts, in LogsQL; empty: all. */
  readonly filter: string;
  /** The first that counts, in microseconds since 1970. */
  readonly fromUs: bigint;
  /** The first that does not count any more. */
  readonly toUs: bigint;
  readonly most: number;
  /** Behind the event with which their texts together are longer, no further ones are wanted. */
  readonly mostBytes: number;
  /** Whether the last of them are wanted, where there are more. */
  readonly fromEnd: boolean;
}

/** Where events can be read again. */
export interface EventStore {
  /** In the order of time. @throws LogsError */
  query(query: EventQuery): Promise<StoredEvent[]>;
  close(): Promise<void>;
}

const answerWithinMs = 10_000;

/** Text as a phrase of LogsQL (docs.victoriametrics.com/victorialogs/logsql/#string-literals). */
export const quoted = (text: string) => JSON.stringify(text.toWellFormed());

/** Reads from VictoriaLogs (docs.victoriametrics.com/victorialogs/querying/#querying-logs). */
export function victoriaLogsStore(url: URL): EventStore {
  const pool = new Pool(url.origin, { connections: 4, headersTimeout: answerWithinMs, bodyTimeout: answerWithinMs });
  const path = `${basePath(url)}/select/logsql/query`;
  const headers = { "content-type": "application/x-www-form-urlencoded", ...basicCredentials(url) };
  return {
    async query(query) {
      try {
        const body = new URLSearchParams({ query: toLogsQl(query) }).toString();
        const answer = await pool.request({ path, method: "POST", headers, body });
        if (answer.statusCode !== 200) {
          throw new Error(`it answers ${answer.statusCode}: ${(await answer.body.text()).slice(0, 200)}`);
        }
        const events = await readEvents(answer.body, query.mostBytes);
        return query.fromEnd ? events.reverse() : events;
      } catch (error) {
        throw new LogsError("ServiceUnavailableException", "The log store does not answer; try again.", error);
      }
    },
    close: () => pool.destroy(),
  };
}

function toLogsQl(query: EventQuery): string {
  const { function: name, group, filter, fromUs, toUs, most, fromEnd } = query;
  // Times as nanoseconds: everything shorter would be taken as another unit.
  const filters = [
    `_time:[${toIso(fromUs)}, ${toIso(toUs)})`,
    'component:="function"',
    `function:=${quoted(name)}`,
    `logGroup:=${quoted(group)}`,
    filter,
  ];
  const order = fromEnd ? "sort by (_time) desc" : "sort by (_time)";
  return `${filters.filter((one) => one !== "").join(" ")} | ${order} | limit ${most} | fields _time, _msg, logStream`;
}

/** Leaves off when it has enough: a worker may have printed more than there is memory. */
async function readEvents(body: AsyncIterable<Buffer>, mostBytes: number): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  let bytes = 0;
  for await (const line of linesOf(body)) {
    const event = toEvent(JSON.parse(line));
    events.push(event);
    bytes += Buffer.byteLength(event.message);
    if (bytes > mostBytes) break;
  }
  return events;
}

/** Not readline's, for which other characters end a line, too. */
async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
  if (rest !== "") yield rest;
}

function toEvent({ _time, _msg = "", logStream = "" }: Record<string, string>): StoredEvent {
  const [, seconds, fraction = ""] = /^(.*?)(?:\.(\d+))?Z$/.exec(_time ?? "") ?? [];
  const timeUs = BigInt(Date.parse(`${seconds}Z`)) * 1000n + BigInt(fraction.padEnd(6, "0").slice(0, 6));
  return { timeUs, message: _msg, logStream };
}

function toIso(timeUs: bigint): string {
  const whole = new Date(Number(timeUs / 1000n)).toISOString().slice(0, -1);
  return `${whole}${String(timeUs % 1000n).padStart(3, "0")}Z`;
}
