import { z } from "zod";
import { setting } from "./setting.ts";

/** What concerns agent and gateway alike. */
export const generalSettings = {
  ESB_REGION: setting(z.string().regex(/^[a-z0-9-]+$/, "must be a region name such as us-east-1"), {
    default: "us-east-1",
    usedBy: ["agent", "gateway"],
    description: "AWS region that functions are told and that ARNs carry.",
  }),
  LOG_LEVEL: setting(z.enum(["trace", "debug", "info", "warn", "error", "fatal"]), {
    default: "info",
    usedBy: ["agent", "gateway", "scripts"],
    description: "Least level that is logged.",
  }),
} as const;
