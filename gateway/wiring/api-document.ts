import type { SettingName, SettingValues } from "../../common/settings.ts";
import manifest from "../../package.json" with { type: "json" };
import type { TrustedProxies } from "../apigateway/client-address.ts";
import { toRequestHead } from "../apigateway/received.ts";
import { isDevelopment } from "../mode.ts";
import type { ApiDocumentOptions } from "../openapi/routes.ts";
import { securityOfLambda } from "../openapi/security.ts";
import type { RoutingTable } from "../routing/definition.ts";
import type { Auth } from "./auth.ts";

export const apiDocumentSettings = [
  "ESB_API_DOCS",
  "ESB_LAMBDA_AUTH",
  "ESB_MODE",
  "ESB_GATEWAY_HOST",
] as const satisfies readonly SettingName[];

export interface ApiDocumentContext {
  readonly table: () => RoutingTable;
  readonly auth: Pick<Auth, "signIn">;
  readonly trusted: TrustedProxies;
}

/** What the API document tells; undefined: there is none. */
export function apiDocument(
  configuration: SettingValues<(typeof apiDocumentSettings)[number]>,
  { table, auth, trusted }: ApiDocumentContext,
): ApiDocumentOptions | undefined {
  if (configuration.ESB_API_DOCS === "off") return undefined;
  return {
    version: manifest.version,
    table,
    lambda: securityOfLambda(configuration.ESB_LAMBDA_AUTH, isDevelopment(configuration)),
    signsTokens: auth.signIn.context().issue !== undefined,
    originOf(message) {
      const { host } = message.headers;
      return host && `${toRequestHead(message, "", 0, trusted).forwarded.proto}://${host}`;
    },
  };
}
