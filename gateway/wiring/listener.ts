import { Counter, Gauge, type Registry } from "prom-client";
import type { Logger } from "../../common/logger.ts";
import type { SettingName, SettingValues } from "../../common/settings.ts";
import type { TrustedProxies } from "../apigateway/client-address.ts";
import { Connections } from "../http/connections.ts";
import { RateLimit, toRate } from "../http/rate-limit.ts";
import type { ListenerOptions } from "../http/server.ts";
import type { Clock } from "../pool/clock.ts";
import { type CertificateStatus, openCertificate } from "../tls/certificate.ts";

export const listenerSettings = [
  "ESB_GATEWAY_HOST",
  "ESB_MODE",
  "ESB_STATE_DIR",
  "ESB_TLS",
  "ESB_TLS_CERT",
  "ESB_TLS_KEY",
  "ESB_RATE_LIMIT",
  "ESB_RATE_BURST",
  "ESB_MAX_CONNECTIONS",
  "ESB_MAX_CONNECTIONS_PER_ADDRESS",
  "ESB_REQUEST_TIMEOUT_MS",
] as const satisfies readonly SettingName[];

/** How the gateway meets its clients: TLS and limits. */
export interface Listener extends Disposable {
  readonly options: Omit<ListenerOptions, "clock" | "stopping">;
  readonly rates: RateLimit;
  readonly scheme: "http" | "https";
  status(): { readonly tls?: CertificateStatus };
}

export interface ListenerContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly trusted: TrustedProxies;
  readonly registry: Registry;
}

/** @throws (rejects with) ConfigurationError when there is no certificate to be had */
export async function openListener(
  configuration: SettingValues<(typeof listenerSettings)[number]>,
  { clock, logger, trusted, registry }: ListenerContext,
): Promise<Listener> {
  const certificate = await openCertificate(configuration, { clock, logger });
  const connections = new Connections({
    most: configuration.ESB_MAX_CONNECTIONS,
    mostPerAddress: configuration.ESB_MAX_CONNECTIONS_PER_ADDRESS,
    isProxy: trusted,
  });
  const rates = new RateLimit(toRate(configuration.ESB_RATE_LIMIT, configuration.ESB_RATE_BURST), clock);
  measure(registry, connections, rates);
  return {
    options: { connections, requestTimeoutMs: configuration.ESB_REQUEST_TIMEOUT_MS, certificate },
    rates,
    scheme: certificate === undefined ? "http" : "https",
    status: () => (certificate === undefined ? {} : { tls: certificate.status() }),
    [Symbol.dispose]: () => certificate?.[Symbol.dispose](),
  };
}

function measure(registry: Registry, connections: Connections, rates: RateLimit): void {
  const registers = [registry];
  new Gauge({
    name: "esb_connections",
    help: "Client connections that are open.",
    registers,
    collect() {
      this.set(connections.open);
    },
  });
  new Counter({
    name: "esb_connections_refused_total",
    help: "Client connections that were one too many, by the limit: of all, or of their address.",
    labelNames: ["limit"],
    registers,
    collect() {
      this.reset();
      for (const limit of ["all", "address"] as const) this.inc({ limit }, connections.refused[limit]);
    },
  });
  new Counter({
    name: "esb_requests_throttled_total",
    help: "Requests that were more than ESB_RATE_LIMIT allows their caller.",
    registers,
    collect() {
      this.reset();
      this.inc(rates.throttled);
    },
  });
}
