import { invalid, LogsError } from "./errors.ts";
import { type EventStore, quoted, type StoredEvent } from "./store.ts";

/** AWS's limit of a page, in bytes. */
const mostBytes = 1_048_576;
const eventBytes = 26;
const dayMs = 24 * 3600 * 1000;

/** What is asked for, beside where. */
export interface Page {
  readonly function: string;
  readonly group: string;
  readonly startTime: number | undefined;
  readonly endTime: number | undefined;
  readonly limit: number;
  readonly nextToken: string | undefined;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** @returns the store @throws LogsError where nothing is stored that could be read */
export function readable(store: EventStore | undefined): EventStore {
  if (store !== undefined) return store;
  const why = "log events are on the gateway's standard output only: ESB_LOGS_URL is not set";
  throw new LogsError("InvalidOperationException", `Events cannot be read: ${why}`);
}

/** GetLogEvents: a page of one stream, its last one unless told otherwise, and tokens for both directions. */
export async function readStream(
  store: EventStore,
  page: Page & { readonly stream: string; readonly startFromHead: boolean },
) {
  const { from, to } = window(page);
  const token = parseToken(page.nextToken);
  const forward = token === undefined ? page.startFromHead : token.direction === "f";
  const fromUs = token?.direction === "f" ? token.us : from;
  const toUs = token?.direction === "b" && token.us < to ? token.us : to;
  const query = { ...page, filter: `logStream:=${quoted(page.stream)}`, fromUs, toUs, most: page.limit, mostBytes };
  const found = fromUs < toUs ? fit(await store.query({ ...query, fromEnd: !forward }), !forward) : [];
  const first = found[0];
  const last = found.at(-1);
  return {
    events: found.map(({ timeUs, message }) => ({ timestamp: toMs(timeUs), message, ingestionTime: toMs(timeUs) })),
    // The same again says that there is no more that way, for now.
    nextForwardToken: `f/${last === undefined ? fromUs : last.timeUs + 1n}`,
    nextBackwardToken: `b/${first === undefined ? toUs : first.timeUs}`,
  };
}

/** FilterLogEvents: events of a group's streams, oldest first. */
export async function filterEvents(
  store: EventStore,
  page: Page & {
    readonly streams: readonly string[] | undefined;
    readonly prefix: string | undefined;
    readonly pattern: string;
  },
) {
  const { from, to } = window(page);
  const { us: fromUs } = parseToken(page.nextToken) ?? { us: from };
  const streams = page.streams?.map(quoted).join(", ");
  const filter = [
    streams === undefined ? "" : `logStream:in(${streams})`,
    page.prefix === undefined ? "" : `logStream:${quoted(page.prefix)}*`,
    toTextFilter(page.pattern),
  ];
  const texts = filter.filter((one) => one !== "").join(" ");
  const query = { ...page, filter: texts, fromUs, toUs: to, most: page.limit, mostBytes };
  const all = fromUs < to ? await store.query({ ...query, fromEnd: false }) : [];
  const found = fit(all, false);
  const last = found.at(-1);
  const isFull = last !== undefined && (all.length === page.limit || found.length < all.length);
  return {
    events: found.map(({ timeUs, message, logStream }) => ({
      logStreamName: logStream,
      timestamp: toMs(timeUs),
      message,
      ingestionTime: toMs(timeUs),
      eventId: String(timeUs).padStart(32, "0"),
    })),
    searchedLogStreams: [],
    ...(isFull ? { nextToken: `f/${last.timeUs + 1n}` } : {}),
  };
}

/**
 * Terms of a filter pattern as LogsQL: all of them, but none behind a minus
 * (docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html).
 * @throws LogsError for patterns of JSON, of columns, of alternatives and of regular expressions
 */
export function toTextFilter(pattern: string): string {
  const trimmed = pattern.trim();
  if (/^[{[]/.test(trimmed) || /(^|\s)-?[?%]/.test(trimmed)) {
    throw invalid("Invalid filter pattern: only terms, quoted or not, and terms behind a minus are supported");
  }
  const terms = trimmed.match(/-?"(?:[^"\\]|\\.)*"|[^\s"]+/g) ?? [];
  return terms
    .map((term) => {
      const negated = term.startsWith("-") && term.length > 1;
      const text = negated ? term.slice(1) : term;
      const plain = text.startsWith('"') ? text.slice(1, -1).replaceAll(/\\(.)/g, "$1") : text;
      return `${negated ? "!" : ""}_msg:${quoted(plain)}`;
    })
    .join(" ");
}

/** Of times that clients name, any number may come; the store knows none behind the year 2262. */
function window({ startTime = 0, endTime, nowMs }: Page): { from: bigint; to: bigint } {
  // Behind all events: none may be that far ahead.
  const endMs = nowMs + dayMs;
  return {
    from: BigInt(Math.min(startTime, endMs)) * 1000n,
    to: BigInt(Math.min(endTime ?? endMs, endMs)) * 1000n,
  };
}

function parseToken(token: string | undefined): { readonly direction: "f" | "b"; readonly us: bigint } | undefined {
  if (token === undefined) return undefined;
  const [, direction, digits] = /^([fb])\/(\d{1,17})$/.exec(token) ?? [];
  if (digits === undefined) throw invalid("The specified nextToken is invalid.");
  return { direction: direction === "b" ? "b" : "f", us: BigInt(digits) };
}

/** As many events as a page may have, from its beginning or from its end. */
function fit(events: StoredEvent[], fromEnd: boolean): StoredEvent[] {
  const taken: StoredEvent[] = [];
  let bytes = 0;
  for (const event of fromEnd ? events.toReversed() : events) {
    bytes += Buffer.byteLength(event.message) + eventBytes;
    if (bytes > mostBytes && taken.length > 0) break;
    taken.push(event);
  }
  return fromEnd ? taken.reverse() : taken;
}

const toMs = (timeUs: bigint) => Number(timeUs / 1000n);
