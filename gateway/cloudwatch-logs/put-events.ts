import { invalid } from "./errors.ts";

export interface LogEvent {
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly message: string;
}

export interface RejectedEvents {
  /** The first that is too new. */
  readonly tooNewLogEventStartIndex?: number;
  /** The first behind those that are too old. */
  readonly tooOldLogEventEndIndex?: number;
  /** The first behind those that the group keeps no longer. */
  readonly expiredLogEventEndIndex?: number;
}

const hourMs = 3600 * 1000;
const dayMs = 24 * hourMs;
/** What an event counts beside its text. */
const eventBytes = 26;
const mostBytes = 1_048_576;
/** Also what VictoriaLogs takes as a line; AWS takes a MiB. */
const mostBytesOfEvent = 262_144;
const oldestMs = 14 * dayMs;
const newestMs = 2 * hourMs;

/**
 * Which events of a PutLogEvents are taken
 * (docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html).
 * @throws LogsError InvalidParameterException when none may be
 */
export function judgeEvents(
  events: readonly LogEvent[],
  nowMs: number,
  retentionDays: number | undefined,
): { readonly taken: readonly LogEvent[]; readonly rejected: RejectedEvents } {
  checkSizes(events);
  checkTimes(events);
  const oldest = nowMs - oldestMs;
  const kept = retentionDays === undefined ? oldest : nowMs - retentionDays * dayMs;
  const tooOld = events.filter(({ timestamp }) => timestamp < oldest).length;
  const expired = events.filter(({ timestamp }) => timestamp < kept).length;
  const tooNew = events.filter(({ timestamp }) => timestamp > nowMs + newestMs).length;
  return {
    taken: events.slice(Math.max(tooOld, expired), events.length - tooNew),
    rejected: {
      ...(tooNew > 0 ? { tooNewLogEventStartIndex: events.length - tooNew } : {}),
      ...(tooOld > 0 ? { tooOldLogEventEndIndex: tooOld } : {}),
      ...(expired > tooOld ? { expiredLogEventEndIndex: expired } : {}),
    },
  };
}

function checkSizes(events: readonly LogEvent[]): void {
  const sizes = events.map(({ message }) => Buffer.byteLength(message) + eventBytes);
  const sum = sizes.reduce((all, one) => all + one, 0);
  if (sum > mostBytes) throw invalid(`Upload too large: ${sum} bytes exceeds limit of ${mostBytes}`);
  const large = sizes.find((size) => size > mostBytesOfEvent);
  if (large !== undefined) throw invalid(`Log event too large: ${large} bytes exceeds limit of ${mostBytesOfEvent}`);
}

function checkTimes(events: readonly LogEvent[]): void {
  const times = events.map(({ timestamp }) => timestamp);
  if (times.some((time, index) => time < (times[index - 1] ?? 0))) {
    throw invalid("Log events in a single PutLogEvents request must be in chronological order.");
  }
  if ((times.at(-1) ?? 0) - (times[0] ?? 0) > dayMs) {
    throw invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
  }
}

/**
 * Times of events to the microsecond, in milliseconds: events of one millisecond get a microsecond more each, so that they
 * keep their order where they are stored.
 */
export function orderedTimes(events: readonly LogEvent[]): number[] {
  let same = 0;
  return events.map(({ timestamp }, index) => {
    same = events[index - 1]?.timestamp === timestamp ? Math.min(same + 1, 999) : 0;
    // Half of one more, against what is lost of fractions.
    return timestamp + (same + 0.5) / 1000;
  });
}
