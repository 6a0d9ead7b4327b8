import type { Logger } from "../../common/logger.ts";
import type { SettingName, SettingValues } from "../../common/settings.ts";
import { AgentWorkers } from "../agent/client.ts";
import { isAway, isExhausted, isGone } from "../agent/errors.ts";
import { Breakers } from "../breaker/breakers.ts";
import { isFunctionsFault } from "../breaker/fault.ts";
import { createMetrics } from "../http/metrics.ts";
import { WorkerClient } from "../http/worker-client.ts";
import { inFlightPath, openInFlight } from "../in-flight/open.ts";
import type { WorkerInfo } from "../pool/agent.ts";
import type { Clock } from "../pool/clock.ts";
import { Pools } from "../pool/pools.ts";
import type { openAgent } from "./agent.ts";

export const poolSettings = [
  "ESB_OWNER",
  "ESB_RUN_DIR",
  "ESB_FREEZE_AFTER_MS",
  "IDLE_TIMEOUT_MINUTES",
  "ESB_QUEUE_LIMIT",
  "ESB_QUEUE_TIMEOUT_MS",
  "ESB_QUEUE_MIB",
  "ESB_STARTS_AT_ONCE",
  "ESB_WORKER_API_PORT",
] as const satisfies readonly SettingName[];

export interface PoolsOptions {
  readonly agent: Pick<Awaited<ReturnType<typeof openAgent>>, "channel" | "clients">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether the picture of the agent's workers is current. */
  readonly watching: () => boolean;
  /** Why the agent is away; undefined while it is not. */
  readonly outage: () => unknown;
  readonly onStarted: (worker: WorkerInfo) => void;
}

/** The functions' workers over the agent, what limits them, and what is measured of them. */
export function openPools(
  configuration: SettingValues<(typeof poolSettings)[number]>,
  { agent, clock, logger, watching, outage, onStarted }: PoolsOptions,
) {
  const metrics = createMetrics({
    pools: () => pools.status(),
    queuedBytes: () => pools.queuedBytes,
    breakerState: (name) => breakers.state(name),
  });
  const breakers = new Breakers({
    clock,
    counts: isFunctionsFault,
    onOpen: (name, err, restMs) =>
      logger.warn({ function: name, restMs, err }, "function cannot be started, no start is tried for a while"),
    onClose: (name) => logger.info({ function: name }, "function is started again"),
  });
  const inFlight = openInFlight(inFlightPath(configuration.ESB_RUN_DIR, configuration.ESB_OWNER), clock, logger);
  const pools = new Pools<WorkerClient>({
    agent: new AgentWorkers(agent.clients.agent, agent.channel, {
      owner: configuration.ESB_OWNER,
      lambdaApiPort: configuration.ESB_WORKER_API_PORT,
      watching,
      outage,
    }),
    clock,
    limits: {
      freezeAfterMs: configuration.ESB_FREEZE_AFTER_MS,
      destroyAfterMs: configuration.IDLE_TIMEOUT_MINUTES * 60_000,
    },
    queueLimit: configuration.ESB_QUEUE_LIMIT,
    queueTimeoutMs: configuration.ESB_QUEUE_TIMEOUT_MS,
    connect: (worker) => new WorkerClient(worker),
    isGone,
    isAway,
    isExhausted,
    startsAtOnce: configuration.ESB_STARTS_AT_ONCE,
    queueBytes: configuration.ESB_QUEUE_MIB * 2 ** 20,
    guard: breakers,
    inFlight,
    onFoundBusy: (worker) =>
      logger.warn({ worker: worker.id }, "worker may still be busy with a request from before, it is replaced"),
    onStarted: (started) => {
      metrics.onStarted(started);
      onStarted(started.worker);
      logger.info({ worker: started.worker.id, start: started.kind, phases: started.phases }, "worker started");
    },
    onTrouble: (what, worker, err) => logger.warn({ err, worker: worker.id }, `${what} failed`),
  });
  return { metrics, breakers, pools, inFlight };
}
