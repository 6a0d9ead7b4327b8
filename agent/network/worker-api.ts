import { ConfigurationError } from "../../common/environment.ts";
import type { NetworkLogger } from "./managed.ts";

/** Where workers reach Lambda's API of their gateways. */
export interface WorkerApi {
  /** This host's address as workers reach it. */
  readonly hostAddress: string;
  /** `http://host:port` of a gateway that serves workers at this port; undefined: none does, or the port is not open. */
  endpoint(port: number): string | undefined;
}

/** What the open ports depend on, named as in common/settings/network.ts. */
export interface WorkerApiSettings {
  readonly ESB_WORKER_API_PORT: number;
  readonly ESB_WORKER_API_PORTS: readonly number[] | undefined;
  readonly ESB_AGENT_ADDRESS: string;
}

/**
 * The host's ports that are open to workers, each once.
 * @throws ConfigurationError when one of them is the agent's own
 */
export function workerApiPorts(settings: WorkerApiSettings): readonly number[] {
  const { ESB_WORKER_API_PORT: one, ESB_WORKER_API_PORTS: several, ESB_AGENT_ADDRESS: agent } = settings;
  const ports = several === undefined ? [one].filter((port) => port !== 0) : [...new Set(several)];
  const own = ports.find((port) => !agent.startsWith("unix:") && agent.endsWith(`:${port}`));
  if (own === undefined) return ports;
  const name = several === undefined ? "ESB_WORKER_API_PORT" : "ESB_WORKER_API_PORTS";
  throw new ConfigurationError(
    `${name}: ${own} is the agent's own port (ESB_AGENT_ADDRESS), which workers must not reach`,
  );
}

export function createWorkerApi(
  hostAddress: string,
  openPorts: readonly number[],
  logger: Pick<NetworkLogger, "warn">,
): WorkerApi {
  const told = new Set<number>();
  return {
    hostAddress,
    endpoint(port) {
      if (port === 0) return undefined;
      if (openPorts.includes(port)) return `http://${hostAddress}:${port}`;
      if (!told.has(port)) {
        told.add(port);
        const fields = { port, openPorts };
        logger.warn(fields, "a gateway serves workers at a port that is closed to them; see ESB_WORKER_API_PORTS");
      }
      return undefined;
    },
  };
}
