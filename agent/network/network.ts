import { randomBytes } from "node:crypto";
import { join, resolve } from "node:path";
import { createCniNetwork, type NetworkDeps } from "./cni-network.ts";
import { createCommandRunner } from "./commands.ts";
import { createHostNetwork } from "./host-network.ts";
import { isListener } from "./listener.ts";
import type { ManagedNetwork, NetworkLogger } from "./managed.ts";
import { type OpenPortsSettings, openPorts } from "./open-ports.ts";
import { isPortFree, parsePortRange } from "./ports.ts";
import { parseIdentityRange, parseInvocationRange, parseSubnet } from "./subnet.ts";

/** What the network depends on, named as in common/settings.ts. */
export interface NetworkSettings extends OpenPortsSettings {
  readonly ESB_NETWORK: "cni" | "host";
  readonly LAMBDA_NETWORK: string;
  readonly ESB_SUBNET: string;
  readonly ESB_IDENTITY_SUBNET: string;
  readonly ESB_INVOCATION_SUBNET: string;
  readonly ESB_RUNTIME_API_PORT: number;
  readonly ESB_CNI_CONF: string;
  readonly ESB_CNI_BIN_DIR: readonly string[];
  readonly ESB_NETWORK_POOL: number;
  readonly ESB_HOST_PORTS: string;
  readonly ESB_DNS: readonly string[];
  readonly ESB_STATE_DIR: string;
  readonly ESB_RUN_DIR: string;
}

/** A plugin takes milliseconds; one that takes this long hangs. */
const commandTimeoutMs = 30_000;

/**
 * The workers' network that ESB_NETWORK names; does nothing to the host before its `setup`.
 * @throws ConfigurationError
 */
export async function createNetwork(settings: NetworkSettings, deps: NetworkDeps): Promise<ManagedNetwork> {
  const common = {
    stateDir: join(settings.ESB_STATE_DIR, "network"),
    runDir: join(settings.ESB_RUN_DIR, "network"),
    nameServers: settings.ESB_DNS,
  };
  if (settings.ESB_NETWORK === "host") {
    const config = { ...common, ports: parsePortRange(settings.ESB_HOST_PORTS) };
    return createHostNetwork(config, { isPortFree, isListener, randomHex: deps.randomHex });
  }
  const subnet = parseSubnet(settings.ESB_SUBNET);
  const identities = parseIdentityRange(settings.ESB_IDENTITY_SUBNET, subnet);
  const config = {
    ...common,
    network: settings.LAMBDA_NETWORK,
    subnet,
    identities,
    invocations: parseInvocationRange(settings.ESB_INVOCATION_SUBNET, subnet, identities),
    runtimeApiPort: settings.ESB_RUNTIME_API_PORT,
    conflistPath: resolve(settings.ESB_CNI_CONF),
    pluginDirs: settings.ESB_CNI_BIN_DIR,
    poolSize: settings.ESB_NETWORK_POOL,
    openPorts: openPorts(settings),
  };
  return createCniNetwork(config, deps);
}

/** Real processes, time and randomness. */
export function createNetworkDeps(logger: NetworkLogger): NetworkDeps {
  return {
    logger,
    run: createCommandRunner(commandTimeoutMs),
    after(delayMs, action) {
      const timer = setTimeout(action, delayMs).unref();
      return () => clearTimeout(timer);
    },
    randomHex: () => randomBytes(4).toString("hex"),
  };
}
