import type { NamespaceContents } from "../containerd/namespace.ts";
import type { WorkerRecords } from "../workers/records.ts";
import type { RuntimeWorker } from "../workers/runtime.ts";
import type { WorkerTable } from "../workers/table.ts";
import { canServe } from "../workers/worker.ts";
import type { Observation, ObservedContainer } from "./observation.ts";

/** Whom a sweep asks. */
export interface Sources {
  readonly table: Pick<WorkerTable, "all">;
  readonly records: Pick<WorkerRecords, "all">;
  /** @throws AgentError RUNTIME_UNAVAILABLE */
  readonly readNamespace: (signal: AbortSignal) => Promise<NamespaceContents>;
  /** Ids of all leases with our mark. */
  readonly listLeases: (signal: AbortSignal) => Promise<string[]>;
  readonly listLogs: () => Promise<string[]>;
  readonly listCgroups: () => Promise<string[]>;
  readonly isIntact: (attachmentId: string) => Promise<boolean>;
}

/** `<function>-<slot>`, and `.<owner's tag>` behind it: only such ids can be ours where nothing else says so. */
const workerId = /^[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*-\d{1,4}(?:\.[0-9a-f]{6})?$/;

/**
 * Reads everything that a sweep compares; what the agent itself knows comes first, so that a worker that is made
 * meanwhile is at worst found twice, and not half.
 * @param formerLeases ids of leases that were there before this agent began to serve
 */
export async function observe(
  sources: Sources,
  formerLeases: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Observation> {
  const workers = sources.table.all();
  const starting = workers.filter((worker) => worker.state === "starting").map(({ identity }) => identity.id);
  const live = workers.filter((worker) => worker.state !== "starting").map(({ identity }) => identity.id);
  const records = sources.records.all();
  const [contents, leases, logs, cgroups] = await Promise.all([
    sources.readNamespace(signal),
    sources.listLeases(signal),
    sources.listLogs(),
    sources.listCgroups(),
  ]);
  return {
    starting,
    live,
    records,
    containers: await Promise.all(contents.containers.map((container) => withNetwork(sources, container))),
    tasks: contents.tasks,
    snapshots: contents.snapshots.filter(isWorkerId),
    logs: logs.filter(isWorkerId),
    cgroups: cgroups.filter(isWorkerId),
    leases: leases.map((id) => ({ id, isFormer: formerLeases.has(id) })),
  };
}

function isWorkerId(id: string): boolean {
  return workerId.test(id);
}

async function withNetwork({ isIntact }: Sources, container: RuntimeWorker): Promise<ObservedContainer> {
  const { attachmentId } = container;
  // Of one that cannot serve anyway, it does not matter.
  const networkIntact = !canServe(container) || attachmentId === undefined || (await isIntact(attachmentId));
  return { ...container, networkIntact };
}
