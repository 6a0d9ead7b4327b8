import { z } from "zod";
import { identifier, milliseconds, minutes, port, whole } from "./schemas.ts";
import { setting } from "./setting.ts";

/** The gateway: where it listens, its functions, pools and queues. */
export const gatewaySettings = {
  ESB_GATEWAY_HOST: setting(z.string().min(1), {
    default: "127.0.0.1",
    usedBy: ["gateway", "scripts"],
    description:
      "Address the gateway listens on. Of `localhost` all addresses that the machine knows for it (::1 only if /etc/hosts has it), of another name the first.",
  }),
  ESB_GATEWAY_PORT: setting(port, {
    default: "8080",
    usedBy: ["gateway", "scripts"],
    description: "Port the gateway listens on.",
  }),
  ESB_PORT_KEEPER: setting(identifier.max(64), {
    usedBy: ["gateway"],
    description:
      "Name of the abstract unix socket of the port's keeper, where clients wait while the gateway is replaced (deployment.md). Absent: nobody keeps the port.",
  }),
  ESB_OWNER: setting(identifier.max(64), {
    default: "gateway",
    usedBy: ["gateway", "scripts"],
    description: "The gateway's name towards the agent; its workers carry it.",
  }),
  ESB_FUNCTIONS: setting(z.string().min(1), {
    default: "deploy/functions.yml",
    usedBy: ["gateway", "scripts"],
    description:
      "The functions file; a relative path is relative to the working directory. Read again when it changes.",
  }),
  ESB_FREEZE_AFTER_MS: setting(milliseconds(-1), {
    default: "1000",
    usedBy: ["gateway", "scripts"],
    description: "Idle time after which a worker is frozen; 0 freezes at once, -1 never.",
  }),
  IDLE_TIMEOUT_MINUTES: setting(minutes, {
    default: "5",
    usedBy: ["gateway"],
    description: "Idle time after which a worker is destroyed.",
  }),
  ESB_QUEUE_LIMIT: setting(whole(0, 100_000), {
    default: "1000",
    usedBy: ["gateway"],
    description: "Requests that may wait for a function's worker; one more is answered 429.",
  }),
  ESB_QUEUE_TIMEOUT_MS: setting(milliseconds(1), {
    default: "30000",
    usedBy: ["gateway"],
    description:
      "How long a request may wait for a function's worker, the cold start included, before it is answered 429.",
  }),
  ESB_QUEUE_MIB: setting(whole(1, 1_048_576), {
    default: "256",
    usedBy: ["gateway"],
    description: "MiB that the events of all waiting requests may take together; beyond it a request is answered 429.",
  }),
  ESB_EVENT_QUEUE_LIMIT: setting(whole(0, 1_000_000), {
    default: "10000",
    usedBy: ["gateway"],
    description:
      "Events (InvocationType Event) of all functions that may wait or run in the gateway's memory; one more is answered 429.",
  }),
  ESB_EVENT_QUEUE_MIB: setting(whole(1, 1_048_576), {
    default: "64",
    usedBy: ["gateway"],
    description: "MiB that these events may take together; beyond it an event is answered 429.",
  }),
  ESB_STARTS_AT_ONCE: setting(whole(1, 1000), {
    default: "4",
    usedBy: ["gateway"],
    description: "Workers that may be started at the same time; one function never takes all of these places.",
  }),
  ESB_DRAIN_TIMEOUT_MS: setting(milliseconds(0), {
    default: "8000",
    usedBy: ["gateway"],
    description:
      "How long the gateway waits for running and queued requests when it is told to end; those that are left are answered 503.",
  }),
} as const;
