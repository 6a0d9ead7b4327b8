import { agentTlsSettings } from "../common/agent-tls/mode.ts";
import { readSettings } from "../common/environment.ts";
import { logShippingSettings } from "../common/log-shipping/open.ts";

/** The agent's settings. @throws ConfigurationError that lists every wrong one */
export function readAgentSettings(environment: NodeJS.ProcessEnv) {
  return readSettings(
    [
      ...agentTlsSettings,
      "ESB_AGENT_REFLECTION",
      "ESB_NAMESPACE",
      "ESB_CONTAINERD_ADDRESS",
      "ESB_STATE_DIR",
      "ESB_RUN_DIR",
      "ESB_SNAPSHOTTER",
      "ESB_RUNTIME",
      "ESB_CGROUP_ROOT",
      "ESB_RUNTIME_OPTIONS",
      "ESB_SHIM_SHARING",
      "RUNTIME_TYPE",
      "ESB_RUNTIME_API_PORT",
      "ESB_RUNTIME_API_SOCKET",
      "ESB_INVOCATION_SUBNET",
      "ESB_INIT_TIMEOUT_MS",
      "ESB_READY_TIMEOUT_MS",
      "ESB_DESTROY_GRACE_MS",
      "ESB_MEMORY_PERCENT",
      "ESB_MEMORY_BASE",
      "ESB_OWNER_TIMEOUT_MINUTES",
      "ESB_SWEEP_INTERVAL_SECONDS",
      "ESB_WORKER_LOG_KIB",
      "ESB_WORKER_LOG_FILES",
      "ESB_NETWORK",
      "LAMBDA_NETWORK",
      "ESB_SUBNET",
      "ESB_IDENTITY_SUBNET",
      "ESB_CNI_CONF",
      "ESB_CNI_BIN_DIR",
      "ESB_NETWORK_POOL",
      "ESB_HOST_PORTS",
      "ESB_DNS",
      "ESB_WORKER_API_PORT",
      "ESB_WORKER_API_PORTS",
      "ESB_INSECURE_REGISTRIES",
      "ESB_REGISTRY_CA",
      "ESB_REGISTRY_AUTH",
      "ESB_S3_URL",
      "ESB_DYNAMODB_URL",
      "ESB_SERVICE_CREDENTIALS",
      "ESB_REGION",
      ...logShippingSettings,
    ],
    environment,
  );
}

export type AgentSettings = ReturnType<typeof readAgentSettings>;
