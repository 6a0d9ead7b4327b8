/** Whose a line is, beside the function and its worker. */
export interface FunctionLineFields {
  readonly function: string;
  readonly worker: string;
  /** Undefined: not known; a line that tells it itself is believed. */
  readonly requestId: string | undefined;
  /** Absent where it was not printed, but sent to CloudWatch Logs. */
  readonly stream?: "stdout" | "stderr";
  readonly logGroup: string;
  readonly logStream: string;
}

/** VictoriaLogs leaves out what is longer than 256 KiB (-insert.maxLineSizeBytes). */
const longestBytes = 250 * 1024;
/** Reading larger lines as JSON would hold up others. */
const longestJson = 64 * 1024;
/** A line that says it is older or newer than this has something else in mind. */
const likelyMs = 24 * 3600 * 1000;

/**
 * A line of a function as the log has it, with its end. Its text stays as it is; where that is JSON as Lambda's own
 * (docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html) or as Powertools', its level, time and
 * request are the line's.
 * @param timeMs milliseconds since 1970, with fractions
 */
export function toFunctionLine(text: string, timeMs: number, fields: FunctionLineFields): string {
  const own = ownFields(text, timeMs);
  const { function: name, worker, stream, logGroup, logStream } = fields;
  const line = (msg: string) =>
    `${JSON.stringify({
      level: own.level ?? "info",
      // What is sent has a time of its own beside its text.
      time: (stream === undefined ? undefined : own.time) ?? isoTime(timeMs),
      component: "function",
      function: name,
      worker,
      requestId: own.requestId ?? fields.requestId,
      stream,
      logGroup,
      logStream,
      msg,
    })}\n`;
  let whole = line(text);
  for (let kept = text.length; Buffer.byteLength(whole) > longestBytes; whole = line(`${text.slice(0, kept)}…`)) {
    kept = Math.floor((kept * longestBytes * 0.9) / Buffer.byteLength(whole));
  }
  return whole;
}

interface OwnFields {
  readonly level?: string | undefined;
  readonly time?: string | undefined;
  readonly requestId?: string | undefined;
}

/** As runtimes of AWS's print in Lambda's text format: time, request and level in the order of Node's or of Python's. */
const textFormat =
  /^(?:\[(\w+)\]\t)?\d{4}-\d\d-\d\dT[\d:.]{8,12}Z\t([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\t(?:(\w+)\t)?/;
const levels = new Set(["trace", "debug", "info", "warn", "warning", "error", "fatal", "critical"]);

function ownFields(text: string, timeMs: number): OwnFields {
  const [found, before, requestId, behind] = textFormat.exec(text) ?? [];
  if (found === undefined) return jsonFields(text, timeMs);
  const level = (before ?? behind)?.toLowerCase();
  return { requestId, level: level !== undefined && levels.has(level) ? level : undefined };
}

function jsonFields(text: string, timeMs: number): OwnFields {
  if (!text.startsWith("{") || text.length > longestJson) return {};
  let found: Record<string, unknown>;
  try {
    found = JSON.parse(text);
  } catch {
    return {};
  }
  const { level, timestamp, requestId = found.function_request_id } = found;
  const ownMs = typeof timestamp === "string" ? Date.parse(timestamp) : Number.NaN;
  return {
    level: typeof level === "string" ? level.toLowerCase() : undefined,
    time: Math.abs(ownMs - timeMs) <= likelyMs ? new Date(ownMs).toISOString() : undefined,
    requestId: typeof requestId === "string" ? requestId : undefined,
  };
}

/** With microseconds, so that lines of one millisecond keep their order. */
function isoTime(timeMs: number): string {
  const whole = Math.floor(timeMs);
  const microseconds = Math.floor((timeMs - whole) * 1000);
  return `${new Date(whole).toISOString().slice(0, -1)}${String(microseconds).padStart(3, "0")}Z`;
}
