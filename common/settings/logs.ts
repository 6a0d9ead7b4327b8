import { z } from "zod";
import { whole } from "./schemas.ts";
import { setting } from "./setting.ts";

/** Where logs are shipped to, beside standard output. */
export const logsSettings = {
  ESB_LOGS_URL: setting(
    z
      .string()
      .refine(isUrl, "must be a URL, such as http://127.0.0.1:9428")
      .transform((text) => new URL(text)),
    {
      usedBy: ["agent", "gateway"],
      secret: true,
      description:
        "VictoriaLogs server that logs of agent, gateway and functions are shipped to, beside standard output; may carry a user and a password. Without it nothing is shipped.",
    },
  ),
  ESB_LOGS_BUFFER_MIB: setting(whole(1, 4096), {
    default: "16",
    usedBy: ["agent", "gateway"],
    description:
      "MiB of memory that log lines may take in each process while they wait to be shipped; beyond it the oldest are dropped.",
  }),
} as const;

/** Its user and password, too, must be encoded as URLs have it. */
function isUrl(text: string): boolean {
  try {
    const { protocol, username, password } = new URL(text);
    decodeURIComponent(username + password);
    return protocol === "http:" || protocol === "https:";
  } catch {
    return false;
  }
}
