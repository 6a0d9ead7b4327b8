import type { PrintedLine } from "../../../common/log-lines.ts";
import { rounded } from "./rounded.ts";

/** What an extension can subscribe to. */
export type TelemetryType = "platform" | "function" | "extension";

/** `logs`: the older Logs API, which knows fewer events, in fewer words. */
export type TelemetryFormat = "telemetry" | "logs";

/** What is told, in each of the formats in which there is such a thing. */
export interface TelemetryItem {
  readonly of: TelemetryType;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly records: { readonly [format in TelemetryFormat]?: readonly [type: string, record: object | string] };
}

/** A line that was printed, as AWS's schema has it (telemetry-schema-reference.html, function and extension). */
export function lineItem({ timeMs, extension, text }: PrintedLine): TelemetryItem {
  const of = extension === 0 ? "function" : "extension";
  // A moment in nanoseconds is too long for a number: it may have become one of a little before.
  return { of, timeMs: rounded(timeMs), records: { telemetry: [of, text], logs: [of, text] } };
}
