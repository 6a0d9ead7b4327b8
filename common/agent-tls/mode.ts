import { isIPv4 } from "node:net";
import { ConfigurationError } from "../environment.ts";
import type { SettingName, SettingValues } from "../settings.ts";

export const agentTlsSettings = [
  "ESB_AGENT_ADDRESS",
  "ESB_AGENT_TLS",
  "ESB_AGENT_TLS_CA",
  "ESB_AGENT_TLS_CERT",
  "ESB_AGENT_TLS_KEY",
] as const satisfies readonly SettingName[];

export type AgentTlsConfiguration = SettingValues<(typeof agentTlsSettings)[number]>;

/** Paths of PEM files. */
export interface TlsFiles {
  readonly authorities: string;
  readonly certificate: string;
  readonly key: string;
}

/**
 * The files for TLS between agent and gateway; undefined: they speak plaintext.
 * @throws ConfigurationError when plaintext would leave this machine, and when a file is not named
 */
export function agentTlsFiles(configuration: AgentTlsConfiguration): TlsFiles | undefined {
  const { ESB_AGENT_TLS: mode, ESB_AGENT_ADDRESS: address } = configuration;
  const { ESB_AGENT_TLS_CA: authorities, ESB_AGENT_TLS_CERT: certificate, ESB_AGENT_TLS_KEY: key } = configuration;
  const local = address.startsWith("unix:") || isLoopback(hostOf(address));
  if (mode === "off") {
    if (local) return undefined;
    throw new ConfigurationError(`ESB_AGENT_TLS=off: ${elsewhere(address)}, where only TLS is allowed`);
  }
  const named = Object.entries({
    ESB_AGENT_TLS_CA: authorities,
    ESB_AGENT_TLS_CERT: certificate,
    ESB_AGENT_TLS_KEY: key,
  });
  const missing = named.filter(([, path]) => path === undefined).map(([name]) => name);
  if (mode === "auto" && local && missing.length === named.length) return undefined;
  if (authorities !== undefined && certificate !== undefined && key !== undefined) {
    return { authorities, certificate, key };
  }
  const why = mode === "on" ? "ESB_AGENT_TLS=on" : local ? "TLS between agent and gateway" : elsewhere(address);
  throw new ConfigurationError(
    `${why}: needs ${missing.join(", ")}; scripts/certificates.ts makes the files, see docs/deployment.md`,
  );
}

/** The name or IP address by which the agent is reached, and for which its certificate must hold. */
export function hostOf(address: string): string {
  if (address.startsWith("unix:")) return "localhost";
  return address.slice(0, address.lastIndexOf(":")).replace(/^\[(.*)\]$/, "$1");
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

function elsewhere(address: string): string {
  return `ESB_AGENT_ADDRESS=${address} is neither a loopback address nor a unix socket`;
}
