import { z } from "zod";
import { absolutePath, milliseconds, port } from "./schemas.ts";
import { setting } from "./setting.ts";

/** Workers that are driven over Lambda's Runtime API, and the process that serves it to them. */
export const runtimeApiSettings = {
  ESB_RUNTIME_API_PORT: setting(port, {
    default: "9001",
    usedBy: ["agent"],
    description:
      "Port at which workers reach Lambda's Runtime API, on the workers' bridge only. With ESB_NETWORK=host each worker has a port of its own instead.",
  }),
  ESB_RUNTIME_API_SOCKET: setting(absolutePath, {
    usedBy: ["agent"],
    description:
      "Where the agent calls the process that serves the Runtime API; not set: runtime-api.sock in ESB_RUN_DIR, where that process listens by its own ESB_RUN_DIR.",
  }),
  ESB_INVOCATION_SUBNET: setting(z.cidrv4("must be an IPv4 subnet such as 254.0.0.0/8"), {
    default: "254.0.0.0/8",
    usedBy: ["agent", "scripts"],
    description:
      "Range of the addresses at which workers with a Lambda runtime are invoked: each ever made has one of its own. Only this host sees them.",
  }),
  ESB_INIT_TIMEOUT_MS: setting(milliseconds(1), {
    default: "10000",
    usedBy: ["agent"],
    description:
      "How long a Lambda runtime may take until it asks for its first invocation. Where that has failed, it has the function's timeout for its second try.",
  }),
} as const;
