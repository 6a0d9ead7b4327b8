import { join } from "node:path";
import { z } from "zod";
import type { SettingName, SettingValues } from "../../common/settings.ts";
import { LogGroups } from "../cloudwatch-logs/groups.ts";
import { type LogsCaller, type LogsOperations, logsOperations } from "../cloudwatch-logs/operations.ts";
import { victoriaLogsStore } from "../cloudwatch-logs/store.ts";
import { KeptFile, readKept } from "../files/kept.ts";
import type { ServedRequests } from "../logs/requests.ts";
import type { Clock } from "../pool/clock.ts";

export const cloudWatchLogsSettings = [
  "ESB_LOGS_URL",
  "ESB_OWNER",
  "ESB_RUN_DIR",
  "ESB_REGION",
  "ESB_ACCOUNT_ID",
] as const satisfies readonly SettingName[];

export interface CloudWatchLogsContext {
  readonly clock: Clock;
  readonly requests: Pick<ServedRequests, "at">;
  /** Takes each event as a line of the log. */
  readonly emit: (line: string) => void;
}

export interface CloudWatchLogs {
  readonly operations: LogsOperations;
  /** To be told who calls, and with what: a function has a group, and its worker a stream, without making them. */
  introduce(caller: LogsCaller, input: unknown): void;
  close(): Promise<void>;
}

const contentSchema = z.object({
  groups: z.array(z.object({ name: z.string(), createdAtMs: z.number(), retentionDays: z.number().optional() })),
  streams: z.array(
    z.object({
      group: z.string(),
      name: z.string(),
      createdAtMs: z.number(),
      firstEventMs: z.number().optional(),
      lastEventMs: z.number().optional(),
      lastIngestionMs: z.number().optional(),
    }),
  ),
});

/** CloudWatch Logs for functions (D3). Groups and streams outlive the gateway, as long as the workers that made them could. */
export function openCloudWatchLogs(
  configuration: SettingValues<(typeof cloudWatchLogsSettings)[number]>,
  { clock, requests, emit }: CloudWatchLogsContext,
): CloudWatchLogs {
  const path = join(configuration.ESB_RUN_DIR, `gateway-${configuration.ESB_OWNER}.log-groups`);
  const content = readKept(path, contentSchema) ?? { groups: [], streams: [] };
  const groups: LogGroups = new LogGroups(content, () => file.changed());
  const file = new KeptFile(path, clock, () => groups.content);
  const url = configuration.ESB_LOGS_URL;
  const store = url === undefined ? undefined : victoriaLogsStore(url);
  const operations = logsOperations({
    groups,
    store,
    emit,
    requestAt: (instanceId, timeMs) => requests.at(instanceId, timeMs),
    region: configuration.ESB_REGION,
    accountId: configuration.ESB_ACCOUNT_ID,
    now: () => clock.epochMs(),
  });
  return {
    operations,
    introduce: (caller, input) => groups.introduce(caller, streamIn(input), clock.epochMs()),
    async close() {
      file[Symbol.dispose]();
      await store?.close();
    },
  };
}

function streamIn(input: unknown): string | undefined {
  return z.object({ logStreamName: z.string() }).safeParse(input).data?.logStreamName;
}
