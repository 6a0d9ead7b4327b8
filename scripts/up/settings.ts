import { join } from "node:path";
import { readSettings, unknownSettings } from "../../common/environment.ts";
import { type SettingName, settings } from "../../common/settings.ts";

export const root = join(import.meta.dirname, "../..");

/** Checks all settings. @returns those that up and down use, with the paths that follow @throws ConfigurationError */
export function readScriptSettings(environment: NodeJS.ProcessEnv) {
  // Of those that only agent or gateway read, too: a mistake is better told before anything is started or stopped.
  const values = readSettings(Object.keys(settings) as SettingName[], environment);
  return {
    gatewayHost: values.ESB_GATEWAY_HOST,
    gatewayPort: values.ESB_GATEWAY_PORT,
    gatewayUrl: `http://${reachable(values.ESB_GATEWAY_HOST)}:${values.ESB_GATEWAY_PORT}`,
    agentAddress: values.ESB_AGENT_ADDRESS,
    namespace: values.ESB_NAMESPACE,
    containerdAddress: values.ESB_CONTAINERD_ADDRESS,
    stateDir: values.ESB_STATE_DIR,
    runDir: values.ESB_RUN_DIR,
    logDir: join(values.ESB_STATE_DIR, "log"),
    owner: values.ESB_OWNER,
    functionsPath: values.ESB_FUNCTIONS,
    freezeAfterMs: values.ESB_FREEZE_AFTER_MS,
    // Whoever starts esb with `up` is trying it, or says otherwise.
    mode: environment.ESB_MODE === undefined || environment.ESB_MODE === "" ? "development" : values.ESB_MODE,
    apiKey: values.ESB_API_KEY,
    user: values.ESB_AUTH_USER,
    password: values.ESB_AUTH_PASSWORD,
    network: values.ESB_NETWORK,
    cniBinDirs: values.ESB_CNI_BIN_DIR,
    logLevel: values.LOG_LEVEL,
    warnings: unknownSettings(environment),
  };
}

export type ScriptSettings = ReturnType<typeof readScriptSettings>;

/** Who listens on all addresses is reached on the loopback one. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}

/** Our own variables as one text: a process that was started with others has to be started anew. */
export function signatureOf(environment: NodeJS.ProcessEnv): string {
  const own = /^(ESB_|LAMBDA_NETWORK$|RUNTIME_TYPE$|LOG_LEVEL$|IDLE_TIMEOUT_MINUTES$)/;
  const pairs = Object.entries(environment).filter(([name, value]) => own.test(name) && value);
  return JSON.stringify(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}
