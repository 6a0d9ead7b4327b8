import type { FastifyRequest } from "fastify";
import { ConfigurationError } from "../../common/environment.ts";
import type { Logger } from "../../common/logger.ts";
import type { SettingName, SettingValues } from "../../common/settings.ts";
import { CallerChecks, unrecognized } from "../auth/callers/check.ts";
import { isLoopback } from "../auth/callers/loopback.ts";
import { WorkerCheck } from "../auth/callers/worker.ts";
import { AddressListener } from "../http/address-listener.ts";
import { Connections } from "../http/connections.ts";
import type { Drain } from "../http/drain.ts";
import { createWorkerApp } from "../http/worker-app.ts";
import type { InvokeRouteOptions } from "../lambda/route.ts";
import type { WorkerInfo, WorkerListener } from "../pool/agent.ts";
import type { Clock } from "../pool/clock.ts";
import { WorkerDirectory } from "../pool/worker-directory.ts";
import type { CloudWatchLogs } from "./cloudwatch-logs.ts";

export const workerApiSettings = [
  "ESB_WORKER_API_PORT",
  "ESB_GATEWAY_PORT",
  "ESB_MAX_CONNECTIONS",
  "ESB_REQUEST_TIMEOUT_MS",
] as const satisfies readonly SettingName[];

/** Of one worker: an SDK uses 50 at most at a time unless told otherwise. */
const mostConnectionsPerWorker = 256;

/** How long functions may take to read what was left of their answers when the gateway ends. */
const lingerMs = 500;

/** Lambda's API for functions that call functions, at an address that only workers reach. */
export interface WorkerApi {
  /** Every worker there is must be told to it, before a request comes to that worker. */
  readonly directory: WorkerListener;
  /** The agent is there, and tells this host's address as workers reach it. */
  onHost(address: string): void;
  /** A worker has started; says so once when it cannot call, though it should. */
  onStarted(worker: WorkerInfo): void;
  status(): { readonly workerApi?: { readonly address: string } | { readonly error: string } };
  close(): Promise<void>;
}

export interface WorkerApiContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly drain: Pick<Drain, "enterNested" | "stopping">;
  readonly invoke: Omit<InvokeRouteOptions, "callers" | "pending">;
  readonly logs: Pick<CloudWatchLogs, "operations" | "introduce">;
  readonly onError: (error: unknown, requestId: string) => void;
}

/** @throws ConfigurationError when it would be at the clients' port */
export function openWorkerApi(
  configuration: SettingValues<(typeof workerApiSettings)[number]>,
  { clock, logger, drain, invoke, logs, onError }: WorkerApiContext,
): WorkerApi {
  const { ESB_WORKER_API_PORT: port, ESB_GATEWAY_PORT: clientsPort } = configuration;
  if (port !== 0 && port === clientsPort) {
    const why = "it must be another than ESB_GATEWAY_PORT, which workers must not reach";
    throw new ConfigurationError(`ESB_WORKER_API_PORT=${port}: ${why}; 0: functions cannot call functions`);
  }
  const directory = new WorkerDirectory();
  const check = new WorkerCheck((address) => directory.at(address));
  const callers = new CallerChecks([check]);
  const callerOf = ({ raw: { headers, socket } }: FastifyRequest) => {
    const worker = check.workerOf({ headers, remoteAddress: socket.remoteAddress });
    if (worker === undefined) throw unrecognized();
    return worker;
  };
  const connections = new Connections({
    most: configuration.ESB_MAX_CONNECTIONS,
    mostPerAddress: mostConnectionsPerWorker,
    // On the host's own network, all workers have one address.
    isProxy: isLoopback,
  });
  const requestTimeoutMs = configuration.ESB_REQUEST_TIMEOUT_MS;
  const listener = new AddressListener({
    clock,
    create() {
      const stopping = () => drain.stopping;
      const app = createWorkerApp({
        invoke: { ...invoke, callers, pending: { enter: (reply) => drain.enterNested(reply) } },
        logs: { ...logs, callers, callerOf },
        listener: { clock, connections, requestTimeoutMs, certificate: undefined, stopping },
        onError,
      });
      return {
        listen: async (host) => void (await app.listen({ host, port })),
        async close() {
          const cancel = clock.after(lingerMs, () => connections.closeAll());
          await app.close();
          cancel();
        },
      };
    },
    onListening: (host) => logger.info({ address: `${host}:${port}` }, "gateway listens for its workers"),
    onTrouble: (host, err) =>
      logger.warn({ err, address: `${host}:${port}` }, "functions cannot call functions yet: cannot listen there"),
  });
  let told = false;
  return {
    directory,
    onHost: (address) => listener.want(port === 0 ? "" : address),
    onStarted({ id, tokenDigest }) {
      if (port === 0 || tokenDigest !== undefined || told) return;
      told = true;
      const why = "the agent has not given it a token; see the agent's ESB_WORKER_API_PORT and ESB_WORKER_API_PORTS";
      logger.warn({ worker: id, port }, `worker cannot call functions: ${why}`);
    },
    status() {
      if (listener.address !== undefined) return { workerApi: { address: `${listener.address}:${port}` } };
      return listener.trouble === undefined ? {} : { workerApi: { error: listener.trouble.message } };
    },
    close: () => listener.close(),
  };
}
