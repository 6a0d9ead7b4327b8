import { Counter, Gauge, type Registry } from "prom-client";
import type { ShippedLog } from "../../common/log-shipping/open.ts";
import { logShippingSettings } from "../../common/log-shipping/open.ts";
import type { LogShipper } from "../../common/log-shipping/shipper.ts";
import type { SettingName, SettingValues } from "../../common/settings.ts";
import type { AgentChannel, AgentClients } from "../agent/channel.ts";
import { agentLogs } from "../agent/logs.ts";
import { toFunctionLine } from "../logs/function-line.ts";
import { PositionsFile, positionsPath } from "../logs/positions.ts";
import { ServedRequests } from "../logs/requests.ts";
import { WorkerLogs } from "../logs/worker-logs.ts";
import type { Clock } from "../pool/clock.ts";
import {
  type CloudWatchLogs,
  type CloudWatchLogsContext,
  cloudWatchLogsSettings,
  openCloudWatchLogs,
} from "./cloudwatch-logs.ts";

export const logsSettings = [
  ...logShippingSettings,
  ...cloudWatchLogsSettings,
  "ESB_OWNER",
  "ESB_RUN_DIR",
] as const satisfies readonly SettingName[];

export interface LogsContext extends Pick<CloudWatchLogsContext, "emit"> {
  /** Undefined: nothing is shipped, and no worker's log is read. */
  readonly shipper: ShippedLog["shipper"];
  readonly agent: { readonly channel: AgentChannel; readonly clients: Pick<AgentClients, "agent"> };
  readonly clock: Clock;
  readonly registry: Registry;
}

export interface Logs {
  readonly cloudWatch: CloudWatchLogs;
  /** Which worker has which request when; to be told of each. */
  readonly requests: ServedRequests;
  /** Begins to read what workers print; their gateway must be the only one of its name. */
  start(): void;
  close(): Promise<void>;
}

/** What functions print, shipped with function, worker and request id (O1), and their CloudWatch Logs (D3). */
export function openLogs(
  configuration: SettingValues<(typeof logsSettings)[number]>,
  { shipper, emit, agent, clock, registry }: LogsContext,
): Logs {
  const { ESB_OWNER: owner, ESB_RUN_DIR: runDir } = configuration;
  const requests = new ServedRequests();
  const cloudWatch = openCloudWatchLogs(configuration, { clock, requests, emit });
  const stack = new DisposableStack();
  if (shipper !== undefined) addShippingMetrics(registry, shipper);
  return {
    requests,
    cloudWatch,
    start() {
      if (shipper === undefined || stack.disposed) return;
      const positions = stack.use(new PositionsFile(positionsPath(runDir, owner), clock));
      const workerLogs = stack.use(new WorkerLogs(agentLogs(agent.clients.agent, agent.channel, owner), positions));
      workerLogs.subscribe((source, lines) => {
        const { function: name, worker, instanceId, logStreamName } = source;
        const of = { function: name, worker, logGroup: `/aws/lambda/${name}`, logStream: logStreamName };
        for (const { text, timeMs, stream } of lines) {
          const requestId = requests.at(instanceId, timeMs);
          shipper.ship(toFunctionLine(text, timeMs, { ...of, requestId, stream }));
        }
      });
    },
    close() {
      stack.dispose();
      return cloudWatch.close();
    },
  };
}

function addShippingMetrics(registry: Registry, shipper: LogShipper): void {
  const registers = [registry];
  new Counter({
    name: "esb_log_lines_shipped_total",
    help: "Log lines that VictoriaLogs has taken.",
    registers,
    collect() {
      this.reset();
      this.inc(shipper.sentLines);
    },
  });
  new Counter({
    name: "esb_log_lines_dropped_total",
    help: "Log lines that were not shipped: too much waited (overflow), or the server refused them (refused).",
    labelNames: ["reason"],
    registers,
    collect() {
      this.reset();
      for (const [reason, lines] of Object.entries(shipper.dropped)) this.inc({ reason }, lines);
    },
  });
  new Gauge({
    name: "esb_log_waiting_bytes",
    help: "Memory that log lines take while they wait to be shipped.",
    registers,
    collect() {
      this.set(shipper.waitingBytes);
    },
  });
}
