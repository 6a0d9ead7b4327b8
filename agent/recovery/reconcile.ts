import type { WorkerRecord } from "../workers/records.ts";
import type { RemovalReason } from "../workers/worker.ts";
import { canServe } from "../workers/worker.ts";
import type { Observation, ObservedContainer } from "./observation.ts";

/** Where something of a worker was found. */
export type Trace = "container" | "task" | "snapshot" | "log" | "cgroup" | "record" | "memory";

export type WorkerAction =
  /** It can serve, and somebody does not know it. */
  | { readonly id: string; readonly action: "adopt" }
  /** It cannot serve: all that is left of it goes. */
  | { readonly id: string; readonly action: "remove"; readonly reason: RemovalReason; readonly traces: Trace[] };

export interface Plan {
  /** At most one for each worker. */
  readonly workers: readonly WorkerAction[];
  /** Ids of leases to end. */
  readonly leases: readonly string[];
  /** Attachments that a container still names; every other one that is not this agent's own belongs to nobody. */
  readonly attachmentsInUse: ReadonlySet<string>;
}

/**
 * S3: what to adopt and what to remove. A worker whose container has to go keeps its network until then: its removal
 * takes both, and one that fails must find both again.
 */
export function reconcile(seen: Observation): Plan {
  const containers = new Map(seen.containers.map((container) => [container.id, container]));
  const records = new Map(seen.records.map((record) => [record.workerId, record]));
  const found = findTraces(seen, containers);
  const starting = new Set(seen.starting);
  const live = new Set(seen.live);

  const workers: WorkerAction[] = [];
  for (const [id, traces] of found) {
    if (starting.has(id)) continue;
    const container = containers.get(id);
    if (container === undefined || !container.ours) workers.push({ id, action: "remove", reason: "exited", traces });
    else if (!canServe(container)) workers.push({ id, action: "remove", reason: "exited", traces });
    else if (!container.networkIntact) workers.push({ id, action: "remove", reason: "network-lost", traces });
    else if (!live.has(id) || !tellsOf(records.get(id), container)) workers.push({ id, action: "adopt" });
  }
  const attached = seen.containers.filter((container) => container.ours).map((container) => container.attachmentId);
  return {
    workers,
    leases: seen.leases.filter((lease) => lease.isFormer).map((lease) => lease.id),
    attachmentsInUse: new Set(attached.filter((id) => id !== undefined)),
  };
}

/** All traces that are ours, by worker. A foreign container keeps to itself what bears its id, but for our own notes. */
function findTraces(seen: Observation, containers: ReadonlyMap<string, ObservedContainer>): Map<string, Trace[]> {
  const found = new Map<string, Trace[]>();
  const isForeign = (id: string) => containers.get(id)?.ours === false;
  const note = (trace: Trace, ids: readonly string[]) => {
    for (const id of ids) found.set(id, [...(found.get(id) ?? []), trace]);
  };
  const free = (ids: readonly string[]) => ids.filter((id) => !isForeign(id));
  note("memory", seen.live);
  note(
    "record",
    seen.records.filter((record) => !isOver(record)).map((record) => record.workerId),
  );
  note("container", free([...containers.keys()]));
  note("snapshot", free(seen.snapshots));
  note("log", free(seen.logs));
  // Tasks and control groups bear no mark: with a task, only what else we know of it says that both are ours.
  const tasks = new Set(seen.tasks);
  const ours = new Set(found.keys());
  note(
    "task",
    free(seen.tasks).filter((id) => ours.has(id)),
  );
  note(
    "cgroup",
    free(seen.cgroups).filter((id) => ours.has(id) || !tasks.has(id)),
  );
  return found;
}

/** Nothing is left to be said of such a worker but why it went. */
function isOver(record: WorkerRecord): boolean {
  return record.state === "ERROR";
}

const recordStates: Partial<Record<ObservedContainer["state"], WorkerRecord["state"]>> = {
  running: "ACTIVE",
  paused: "IDLE",
};

function tellsOf(record: WorkerRecord | undefined, container: ObservedContainer): boolean {
  return (
    record?.containerId === container.id &&
    record.instanceId === container.identity?.instanceId &&
    record.state === recordStates[container.state]
  );
}
