import { z } from "zod";
import { absolutePath } from "./schemas.ts";
import { setting } from "./setting.ts";

/** TLS between the agent and those who call it, with certificates on both sides. */
export const agentTlsSettings = {
  ESB_AGENT_TLS: setting(z.enum(["auto", "on", "off"]), {
    default: "auto",
    usedBy: ["agent", "gateway", "scripts"],
    description:
      "Mutual TLS 1.3 between agent and gateway. `auto`: on where one of the next three is set, and where ESB_AGENT_ADDRESS is neither a loopback address nor a unix socket; `off` is for these two only.",
  }),
  ESB_AGENT_TLS_CA: setting(absolutePath, {
    usedBy: ["agent", "gateway", "scripts"],
    description:
      "PEM file with the authorities of which the other side's certificate must be, and no others are trusted; docs/deployment.md tells how they are made. Read again when it changes, as the next two are.",
  }),
  ESB_AGENT_TLS_CERT: setting(absolutePath, {
    usedBy: ["agent", "gateway", "scripts"],
    description: "PEM file with the process's own certificate: the agent's is a server's, the gateway's a client's.",
  }),
  ESB_AGENT_TLS_KEY: setting(absolutePath, {
    usedBy: ["agent", "gateway", "scripts"],
    description: "PEM file with the private key of ESB_AGENT_TLS_CERT.",
  }),
} as const;
