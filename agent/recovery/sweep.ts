import PQueue from "p-queue";
import type { Logger } from "../../common/logger.ts";
import type { ManagedNetwork } from "../network/managed.ts";
import type { WorkerRemains, WorkerService } from "../workers/service.ts";
import type { Observation } from "./observation.ts";
import { reconcile, type Trace, type WorkerAction } from "./reconcile.ts";

export interface SweepParts {
  readonly observe: (signal: AbortSignal) => Promise<Observation>;
  readonly workers: Pick<WorkerService, "recover">;
  /** What is to be done about a worker beside what the runtime does, given where something of it was found. */
  readonly remainsOf: (traces: readonly Trace[]) => WorkerRemains;
  readonly network: Pick<ManagedNetwork, "sweep">;
  readonly endLeases: (ids: readonly string[], signal: AbortSignal) => Promise<void>;
  readonly logger: Pick<Logger, "info" | "warn">;
}

/** How many workers were taken on, and how many of what were removed; what failed is left for the next sweep. */
export interface SweepSummary {
  readonly adopted: number;
  readonly workers: number;
  readonly attachments: number;
  readonly leases: number;
  readonly failed: number;
}

/** containerd does most of the work, and the kernel one thing at a time: more at once only wait. */
const workersAtOnce = 16;

/**
 * One sweep (S3): looks, decides (`reconcile`) and carries it out, beside whatever else goes on. A failure is logged and
 * keeps nothing else.
 * @throws whatever keeps it from looking; the signal's reason
 */
export async function sweep(parts: SweepParts, signal: AbortSignal): Promise<SweepSummary> {
  const { workers, network, logger } = parts;
  const plan = reconcile(await parts.observe(signal));
  const count = { adopted: 0, removed: 0, unchanged: 0, attachments: 0, leases: 0, failed: 0 };

  const attempt = async (what: object, work: () => Promise<void>) => {
    if (signal.aborted) return;
    try {
      await work();
    } catch (error) {
      if (signal.aborted) return;
      count.failed += 1;
      logger.warn({ err: error, ...what }, "a leftover could not be removed; the next sweep tries again");
    }
  };
  const recover = (action: WorkerAction) =>
    attempt({ worker: action.id }, async () => {
      const traces = action.action === "remove" ? action.traces : [];
      const outcome = await workers.recover(action.id, parts.remainsOf(traces), signal);
      count[outcome] += 1;
      if (outcome !== "removed" || action.action !== "remove") return;
      logger.info(
        { worker: action.id, reason: action.reason, found: action.traces },
        "removed what was left of a worker",
      );
    });

  const queue = new PQueue({ concurrency: workersAtOnce });
  await Promise.all([
    queue.addAll(plan.workers.map((action) => () => recover(action))),
    attempt({ kind: "attachment" }, async () => {
      count.attachments = await network.sweep(plan.attachmentsInUse);
    }),
    attempt({ kind: "lease" }, async () => {
      await parts.endLeases(plan.leases, signal);
      count.leases = plan.leases.length;
    }),
  ]);
  signal.throwIfAborted();
  const { adopted, removed, attachments, leases, failed } = count;
  return { adopted, workers: removed, attachments, leases, failed };
}
