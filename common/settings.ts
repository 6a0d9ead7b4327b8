import type { z } from "zod";
import { agentSettings } from "./settings/agent.ts";
import { agentTlsSettings } from "./settings/agent-tls.ts";
import { authSettings } from "./settings/auth.ts";
import { gatewaySettings } from "./settings/gateway.ts";
import { gatewayHttpSettings } from "./settings/gateway-http.ts";
import { generalSettings } from "./settings/general.ts";
import { logsSettings } from "./settings/logs.ts";
import { networkSettings } from "./settings/network.ts";
import { registriesSettings } from "./settings/registries.ts";
import { runtimeSettings } from "./settings/runtime.ts";
import { runtimeApiSettings } from "./settings/runtime-api.ts";
import { servicesSettings } from "./settings/services.ts";
import { workersSettings } from "./settings/workers.ts";

export type { Process } from "./settings/setting.ts";

/**
 * Every setting of esb: one table for both processes, for the scripts and for docs/configuration.md, which is
 * generated from it. A setting is an environment variable; each schema parses the variable's text. One file of
 * common/settings/ holds the settings of one subject.
 */
export const settings = {
  ...gatewaySettings,
  ...gatewayHttpSettings,
  ...authSettings,
  ...agentSettings,
  ...agentTlsSettings,
  ...runtimeSettings,
  ...runtimeApiSettings,
  ...workersSettings,
  ...networkSettings,
  ...registriesSettings,
  ...servicesSettings,
  ...logsSettings,
  ...generalSettings,
} as const;

export type Settings = typeof settings;
export type SettingName = keyof Settings;
type HasDefault<S> = S extends { default: string } ? true : false;
/** What a setting's text is parsed into; settings without a default may be undefined. */
export type SettingValue<N extends SettingName> =
  HasDefault<Settings[N]> extends true ? z.output<Settings[N]["schema"]> : z.output<Settings[N]["schema"]> | undefined;
export type SettingValues<N extends SettingName> = { readonly [K in N]: SettingValue<K> };
