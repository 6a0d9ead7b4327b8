import { setImmediate as nextTurn } from "node:timers/promises";
import { toFunctionLine } from "../logs/function-line.ts";
import { LogsError } from "./errors.ts";
import type { LogGroup, LogGroups, LogStream } from "./groups.ts";
import { inputs, parseInput } from "./inputs.ts";
import { judgeEvents, orderedTimes } from "./put-events.ts";
import { filterEvents, readable, readStream } from "./read.ts";
import type { EventStore } from "./store.ts";

/** The worker that calls. */
export interface LogsCaller {
  readonly id: string;
  readonly instanceId: string;
  readonly function: string;
}

export interface OperationsOptions {
  readonly groups: LogGroups;
  /** Undefined: events cannot be read again. */
  readonly store: EventStore | undefined;
  /** Takes each event as a line of the log. */
  readonly emit: (line: string) => void;
  /** The request that a worker had at a time, in milliseconds since 1970. */
  readonly requestAt: (instanceId: string, timeMs: number) => string | undefined;
  readonly region: string;
  readonly accountId: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Operations of CloudWatch Logs, by name: each takes its input and gives its output, or throws a LogsError
 * (docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_Operations.html). Events can be written to any group,
 * as the calling function's; read are only those that the function itself has sent or printed.
 */
export function logsOperations(options: OperationsOptions) {
  const { groups, now } = options;
  const arnOf = (name: string) => `arn:aws:logs:${options.region}:${options.accountId}:log-group:${name}`;
  return {
    CreateLogGroup(input: unknown) {
      groups.createGroup(parseInput(inputs.createGroup, input).logGroupName, now());
    },
    DeleteLogGroup(input: unknown) {
      groups.deleteGroup(parseInput(inputs.group, input).logGroupName);
    },
    CreateLogStream(input: unknown) {
      const { logGroupName, logStreamName } = parseInput(inputs.stream, input);
      groups.createStream(logGroupName, logStreamName, now());
    },
    DeleteLogStream(input: unknown) {
      const { logGroupName, logStreamName } = parseInput(inputs.stream, input);
      groups.deleteStream(logGroupName, logStreamName);
    },
    PutRetentionPolicy(input: unknown) {
      const { logGroupName, retentionInDays } = parseInput(inputs.retention, input);
      groups.setRetention(logGroupName, retentionInDays);
    },
    DeleteRetentionPolicy(input: unknown) {
      groups.setRetention(parseInput(inputs.group, input).logGroupName, undefined);
    },
    DescribeLogGroups(input: unknown) {
      const query = parseInput(inputs.describeGroups, input);
      const { logGroupNamePrefix: prefix = "", logGroupNamePattern: pattern = "" } = query;
      const found = groups.groups().filter(({ name }) => name.startsWith(prefix) && name.includes(pattern));
      const { items, nextToken } = pageOf(found, query);
      return { logGroups: items.map((group) => describeGroup(group, arnOf(group.name))), nextToken };
    },
    DescribeLogStreams(input: unknown) {
      const query = parseInput(inputs.describeStreams, input);
      const found = groups.streams(query.group).filter(({ name }) => name.startsWith(query.logStreamNamePrefix ?? ""));
      if (query.orderBy === "LastEventTime") found.sort((a, b) => (a.lastEventMs ?? 0) - (b.lastEventMs ?? 0));
      const { items, nextToken } = pageOf(query.descending ? found.reverse() : found, query);
      return { logStreams: items.map((stream) => describeStream(stream, arnOf(stream.group))), nextToken };
    },
    async PutLogEvents(input: unknown, caller: LogsCaller) {
      const { logGroupName, logStreamName, logEvents } = parseInput(inputs.put, input);
      const stream = groups.stream(logGroupName, logStreamName);
      const { taken, rejected } = judgeEvents(logEvents, now(), groups.group(logGroupName).retentionDays);
      const times = orderedTimes(taken);
      const of = { function: caller.function, worker: caller.id, logGroup: logGroupName, logStream: logStreamName };
      for (const [index, { timestamp, message }] of taken.entries()) {
        const requestId = options.requestAt(caller.instanceId, timestamp);
        options.emit(toFunctionLine(message, times[index] ?? timestamp, { ...of, requestId }));
        if (index % atOnce === atOnce - 1) await nextTurn();
      }
      const [first, last] = [taken[0], taken.at(-1)];
      if (first !== undefined && last !== undefined) groups.touch(stream, first.timestamp, last.timestamp, now());
      return {
        nextSequenceToken: String(now()),
        ...(Object.keys(rejected).length > 0 ? { rejectedLogEventsInfo: rejected } : {}),
      };
    },
    GetLogEvents(input: unknown, caller: LogsCaller) {
      const { logStreamName, ...query } = parseInput(inputs.getEvents, input);
      groups.stream(query.group, logStreamName);
      return readStream(readable(options.store), {
        ...fromTo(query),
        stream: logStreamName,
        function: caller.function,
        nowMs: now(),
      });
    },
    FilterLogEvents(input: unknown, caller: LogsCaller) {
      const { logStreamNames, logStreamNamePrefix, filterPattern, ...query } = parseInput(inputs.filterEvents, input);
      groups.group(query.group);
      return filterEvents(readable(options.store), {
        ...fromTo(query),
        streams: logStreamNames,
        prefix: logStreamNamePrefix,
        pattern: filterPattern,
        function: caller.function,
        nowMs: now(),
      });
    },
  } satisfies Record<string, (input: unknown, caller: LogsCaller) => unknown>;
}

/** Of thousands of events, so many are taken before others have their turn: it takes some milliseconds. */
const atOnce = 500;

export type LogsOperations = ReturnType<typeof logsOperations>;

/** Members that may be absent, there. */
function fromTo<
  T extends { startTime?: number | undefined; endTime?: number | undefined; nextToken?: string | undefined },
>(query: T) {
  return { ...query, startTime: query.startTime, endTime: query.endTime, nextToken: query.nextToken };
}

function pageOf<T extends { readonly name: string }>(
  found: readonly T[],
  { limit, nextToken }: { readonly limit: number; readonly nextToken?: string | undefined },
): { readonly items: readonly T[]; readonly nextToken: string | undefined } {
  const begin = nextToken === undefined ? 0 : Number(nextToken);
  if (!Number.isInteger(begin) || begin < 0) {
    throw new LogsError("InvalidParameterException", "The specified nextToken is invalid.");
  }
  const end = begin + limit;
  return { items: found.slice(begin, end), nextToken: end < found.length ? String(end) : undefined };
}

function describeGroup({ name, createdAtMs, retentionDays }: LogGroup, arn: string) {
  return {
    logGroupName: name,
    creationTime: createdAtMs,
    retentionInDays: retentionDays,
    metricFilterCount: 0,
    arn: `${arn}:*`,
    logGroupArn: arn,
    storedBytes: 0,
    logGroupClass: "STANDARD",
  };
}

function describeStream(stream: LogStream, groupArn: string) {
  return {
    logStreamName: stream.name,
    creationTime: stream.createdAtMs,
    firstEventTimestamp: stream.firstEventMs,
    lastEventTimestamp: stream.lastEventMs,
    lastIngestionTime: stream.lastIngestionMs,
    arn: `${groupArn}:log-stream:${stream.name}`,
    storedBytes: 0,
  };
}
