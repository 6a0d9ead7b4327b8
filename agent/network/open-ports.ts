import { ConfigurationError } from "../../common/environment.ts";
import { type ServiceSettings, servicePorts } from "../services/endpoints.ts";
import { type WorkerApiSettings, workerApiPorts } from "./worker-api.ts";

export interface OpenPortsSettings extends WorkerApiSettings, ServiceSettings {}

/**
 * All of the host's ports that are open to workers, each once: those of their gateways, and of services on this machine.
 * @throws ConfigurationError when one of them is the agent's own
 */
export function openPorts(settings: OpenPortsSettings): readonly number[] {
  const services = servicePorts(settings);
  const { ESB_AGENT_ADDRESS: agent } = settings;
  const own = services.find(({ port }) => !agent.startsWith("unix:") && agent.endsWith(`:${port}`));
  if (own !== undefined) {
    const { name, port } = own;
    throw new ConfigurationError(`${name}: ${port} is the agent's own port (ESB_AGENT_ADDRESS), closed to workers`);
  }
  return [...new Set([...workerApiPorts(settings), ...services.map(({ port }) => port)])];
}
