import type { SettingValues } from "../common/settings.ts";

/** Whether well-known secrets are good enough: only while nobody but this machine can reach the gateway. */
export function isDevelopment(configuration: SettingValues<"ESB_MODE" | "ESB_GATEWAY_HOST">): boolean {
  const { ESB_MODE: mode, ESB_GATEWAY_HOST: host } = configuration;
  return mode === "development" && /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host);
}
