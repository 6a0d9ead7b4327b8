import { join } from "node:path";
import type { Logger } from "../common/logger.ts";
import type { AgentSettings } from "./config.ts";
import { createContainerdClient } from "./containerd/client.ts";
import { createImageStore } from "./containerd/images/store.ts";
import { createContainerdRuntime } from "./containerd/runtime.ts";
import { encodeRuntimeOptions } from "./containerd/runtime-options.ts";
import { createWorkerLogs } from "./logs/logs.ts";
import { createNetwork, createNetworkDeps } from "./network/network.ts";
import { createWorkerApi, workerApiPorts } from "./network/worker-api.ts";
import { detectHostLimits } from "./oci/host.ts";
import { createRuntimeApi } from "./runtime-workers/client.ts";
import { withRuntimeApi } from "./runtime-workers/runtime.ts";
import { readServiceCredentials } from "./services/credentials.ts";
import { serviceEndpoints } from "./services/endpoints.ts";

/**
 * The parts that the agent and its teardown have in common, wired; nothing is connected or changed yet.
 * @throws ConfigurationError
 */
export async function composeAgent(settings: AgentSettings, logger: Logger) {
  const client = createContainerdClient({
    address: settings.ESB_CONTAINERD_ADDRESS,
    namespace: settings.ESB_NAMESPACE,
  });
  const network = await createNetwork(settings, createNetworkDeps(logger));
  const images = createImageStore({
    client,
    snapshotter: settings.ESB_SNAPSHOTTER,
    registry: {
      insecureRegistries: settings.ESB_INSECURE_REGISTRIES,
      caFile: settings.ESB_REGISTRY_CA,
      authFile: settings.ESB_REGISTRY_AUTH,
    },
    logger,
  });
  const logs = createWorkerLogs({
    stateDir: settings.ESB_STATE_DIR,
    folder: `${settings.ESB_STATE_DIR}/workers`,
    fileBytes: settings.ESB_WORKER_LOG_KIB * 1024,
    files: settings.ESB_WORKER_LOG_FILES,
  });
  const credentialsFile = settings.ESB_SERVICE_CREDENTIALS;
  const services = {
    endpoints: serviceEndpoints(settings, network.hostAddress),
    credentials: credentialsFile === undefined ? undefined : await readServiceCredentials(credentialsFile),
  };
  const containers = createContainerdRuntime({
    client,
    network,
    images,
    logs,
    snapshotter: settings.ESB_SNAPSHOTTER,
    runtime: {
      name: settings.ESB_RUNTIME,
      options: encodeRuntimeOptions(settings.ESB_RUNTIME, settings.ESB_RUNTIME_OPTIONS),
    },
    shimSharing: settings.ESB_SHIM_SHARING,
    cgroupRoot: settings.ESB_CGROUP_ROOT,
    spec: { region: settings.ESB_REGION, limits: await detectHostLimits(), services },
  });
  const runtimeApi = createRuntimeApi(
    settings.ESB_RUNTIME_API_SOCKET ?? join(settings.ESB_RUN_DIR, "runtime-api.sock"),
  );
  const admission = { region: settings.ESB_REGION, initTimeoutMs: settings.ESB_INIT_TIMEOUT_MS };
  const runtime = withRuntimeApi(containers, { api: runtimeApi, admission, logger });
  const workerApi = createWorkerApi(network.hostAddress, workerApiPorts(settings), logger);
  return { client, network, images, runtime, runtimeApi, logs, workerApi };
}
