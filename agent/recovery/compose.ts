import type { Logger } from "../../common/logger.ts";
import type { AgentSettings } from "../config.ts";
import type { ContainerdClient } from "../containerd/client.ts";
import { listLeases, removeLeases } from "../containerd/leases.ts";
import { hasSnapshot, readNamespace, removeSnapshot } from "../containerd/namespace.ts";
import { claimStrayTask, hasTask } from "../containerd/stray-task.ts";
import type { ManagedNetwork } from "../network/managed.ts";
import type { WorkerRecords } from "../workers/records.ts";
import type { WorkerRuntime } from "../workers/runtime.ts";
import type { WorkerRemains, WorkerService } from "../workers/service.ts";
import { createCgroups } from "./cgroups.ts";
import { observe } from "./observe.ts";
import type { Trace } from "./reconcile.ts";
import { sweep } from "./sweep.ts";
import { Sweeper } from "./sweeper.ts";

export interface RecoveryParts {
  readonly settings: AgentSettings;
  readonly client: ContainerdClient;
  readonly network: ManagedNetwork;
  readonly runtime: WorkerRuntime;
  readonly workers: WorkerService;
  readonly records: WorkerRecords;
  readonly logs: { list(): Promise<string[]> };
  readonly logger: Logger;
}

/** The sweep (S3) on real containerd, kernel and disk. */
export function composeRecovery(parts: RecoveryParts) {
  const { settings, client, network, runtime, workers, records, logs, logger } = parts;
  const snapshotter = settings.ESB_SNAPSHOTTER;
  const cgroups = createCgroups({
    root: settings.ESB_CGROUP_ROOT,
    namespace: settings.ESB_NAMESPACE,
    kill: endProcess,
  });
  let formerLeases: ReadonlySet<string> | undefined;
  const told = <T>(context: string, call: Promise<T>): Promise<T> =>
    call.catch((error: unknown) => Promise.reject(client.translate(error, context)));

  const sources = {
    table: workers.table,
    records,
    readNamespace: (signal: AbortSignal) => told("reading the namespace", readNamespace(client, snapshotter, signal)),
    listLeases: (signal: AbortSignal) => told("listing leases", listLeases(client, signal)),
    listLogs: () => logs.list(),
    listCgroups: () => cgroups.list(),
    isIntact: (attachmentId: string) => network.isIntact(attachmentId),
  };
  const remainsOf = (traces: readonly Trace[]): WorkerRemains => ({
    isReachable: async ({ attachmentId }) => attachmentId === undefined || network.isIntact(attachmentId),
    async isLeft(id) {
      const found = await Promise.all([
        isStray(traces) && told(`looking at the task ${id}`, hasTask(client, id)),
        traces.includes("log") && logs.list().then((ids) => ids.includes(id)),
        traces.includes("cgroup") && cgroups.list().then((ids) => ids.includes(id)),
        traces.includes("snapshot") && told(`looking at the snapshot of ${id}`, hasSnapshot(client, snapshotter, id)),
      ]);
      return found.includes(true);
    },
    async remove(id) {
      if (isStray(traces)) {
        await told(`claiming the task ${id}`, claimStrayTask(client, id, settings.ESB_RUNTIME));
        await runtime.destroy(id, 0);
      }
      if (traces.includes("snapshot")) {
        await told(`removing the snapshot of ${id}`, removeSnapshot(client, snapshotter, id));
      }
      await cgroups.remove(id);
    },
  });
  const sweeper = new Sweeper({
    repair: (signal) => network.setup(signal),
    sweep: (signal) =>
      sweep(
        {
          observe: (during) => observe(sources, formerLeases ?? new Set(), during),
          workers,
          remainsOf,
          network,
          endLeases: (ids) => told("removing leases", removeLeases(client, ids)),
          logger,
        },
        signal,
      ),
    intervalMs: settings.ESB_SWEEP_INTERVAL_SECONDS * 1000,
    logger,
  });
  return {
    sweeper,
    /** Before the agent first serves: what is taken from then on is its own. */
    async noteFormerLeases(signal: AbortSignal): Promise<void> {
      formerLeases ??= new Set(await listLeases(client, signal));
    },
  };
}

/** Only by its container does containerd end a task. */
function isStray(traces: readonly Trace[]): boolean {
  return traces.includes("task") && !traces.includes("container");
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
