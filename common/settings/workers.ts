import { z } from "zod";
import { milliseconds, minutes, whole } from "./schemas.ts";
import { setting } from "./setting.ts";

/** How workers start and end, what they may take together, and what they print. */
export const workersSettings = {
  ESB_READY_TIMEOUT_MS: setting(milliseconds(1), {
    default: "30000",
    usedBy: ["agent"],
    description: "How long a new worker may take until it listens on its port.",
  }),
  ESB_DESTROY_GRACE_MS: setting(milliseconds(0), {
    default: "2000",
    usedBy: ["agent"],
    description: "Time between SIGTERM and SIGKILL when a worker is destroyed.",
  }),
  ESB_MEMORY_PERCENT: setting(whole(1, 10_000), {
    default: "100",
    usedBy: ["agent"],
    description:
      "Share of the host's memory, in percent, that the memory limits of all workers may add up to; more than 100 overbooks it.",
  }),
  ESB_MEMORY_BASE: setting(z.enum(["limit", "machine"]), {
    default: "limit",
    usedBy: ["agent"],
    description:
      "What ESB_MEMORY_PERCENT is a share of. `limit`: the machine's memory, or less where the agent's own control group has less; `machine`: the machine's, for an agent in a container of its own, whose limit is not the workers'.",
  }),
  ESB_OWNER_TIMEOUT_MINUTES: setting(minutes, {
    default: "10",
    usedBy: ["agent"],
    description: "How long a gateway may be away before its workers are removed.",
  }),
  ESB_SWEEP_INTERVAL_SECONDS: setting(whole(1, 86_400), {
    default: "60",
    usedBy: ["agent"],
    description: "How often the agent looks for what belongs to nobody and removes it.",
  }),
  ESB_WORKER_LOG_KIB: setting(whole(16, 1_048_576), {
    default: "5120",
    usedBy: ["agent"],
    description: "Size in KiB at which a worker's log file is put aside and a new one begun.",
  }),
  ESB_WORKER_LOG_FILES: setting(whole(1, 100), {
    default: "2",
    usedBy: ["agent"],
    description: "Log files that are kept of each worker, the current one included.",
  }),
} as const;
