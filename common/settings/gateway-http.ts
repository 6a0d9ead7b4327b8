import { z } from "zod";
import { absolutePath, milliseconds, networks, whole } from "./schemas.ts";
import { setting } from "./setting.ts";

/** How the gateway meets its clients: mode, routes, limits, TLS. */
export const gatewayHttpSettings = {
  ESB_MODE: setting(z.enum(["production", "development"]), {
    default: "production",
    usedBy: ["gateway", "scripts"],
    description:
      "`development`: while ESB_GATEWAY_HOST is a loopback address, secrets that are not set have well-known values, keys and certificates are made, and Lambda's API is open. `production`: a secret that is needed and not set stops the start.",
  }),
  ESB_ROUTING: setting(z.string().min(1), {
    default: "deploy/routing.yml",
    usedBy: ["gateway", "scripts"],
    description:
      "The routes file; a relative path is relative to the working directory. Read again when it changes. `none`: there are no routes.",
  }),
  ESB_API_DOCS: setting(z.enum(["on", "off"]), {
    default: "on",
    usedBy: ["gateway"],
    description: "`on`: `/openapi.json` describes the API and `/docs` shows it to readers, both to everybody.",
  }),
  ESB_ACCOUNT_ID: setting(z.string().regex(/^\d{12}$/, "must be 12 digits"), {
    default: "000000000000",
    usedBy: ["gateway"],
    description: "AWS account that events and ARNs carry.",
  }),
  ESB_API_ID: setting(z.string().regex(/^[a-z0-9]{1,64}$/, "must be 1 to 64 of a-z and 0-9"), {
    default: "esb",
    usedBy: ["gateway"],
    description: "API id that events carry.",
  }),
  ESB_TRUSTED_PROXIES: setting(networks, {
    default: "",
    usedBy: ["gateway"],
    description:
      "Addresses and subnets of the proxies in front of the gateway, separated by commas. Only from these is X-Forwarded-For believed.",
  }),
  ESB_RATE_LIMIT: setting(whole(0, 1_000_000), {
    default: "0",
    usedBy: ["gateway"],
    description: "Requests a second that each address may send, and each API key; beyond it 429. 0: no limit.",
  }),
  ESB_RATE_BURST: setting(whole(0, 10_000_000), {
    default: "0",
    usedBy: ["gateway"],
    description:
      "Requests of one caller that may come at once (the size of its token bucket); 0: as many as ESB_RATE_LIMIT.",
  }),
  ESB_MAX_CONNECTIONS: setting(whole(1, 1_000_000), {
    default: "10000",
    usedBy: ["gateway"],
    description: "Client connections that the gateway keeps open; one more is closed at once.",
  }),
  ESB_MAX_CONNECTIONS_PER_ADDRESS: setting(whole(1, 1_000_000), {
    default: "1000",
    usedBy: ["gateway"],
    description: "Client connections of one address; trusted proxies are not limited.",
  }),
  ESB_REQUEST_TIMEOUT_MS: setting(milliseconds(1), {
    default: "30000",
    usedBy: ["gateway"],
    description:
      "How long a client may take to send a request, head and body, and how long it may read nothing of its answer.",
  }),
  ESB_TLS: setting(z.enum(["on", "off"]), {
    default: "off",
    usedBy: ["gateway", "scripts"],
    description:
      "`on`: the gateway's port speaks TLS with ESB_TLS_CERT and ESB_TLS_KEY; in development it makes a certificate of its own where these are not set.",
  }),
  ESB_TLS_CERT: setting(absolutePath, {
    usedBy: ["gateway"],
    description:
      "PEM file with the gateway's certificate and those between it and its authority; read again when it changes.",
  }),
  ESB_TLS_KEY: setting(absolutePath, {
    secret: true,
    usedBy: ["gateway"],
    description: "PEM file with the private key of ESB_TLS_CERT.",
  }),
} as const;
