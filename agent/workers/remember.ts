import type { ErrorRecord, PresentRecord, WorkerRecords } from "./records.ts";
import { isLive, type LiveWorker, type RemovalReason, type Worker } from "./worker.ts";

const recordStates: Record<LiveWorker["state"], PresentRecord["state"]> = { running: "ACTIVE", paused: "IDLE" };

/** S2: keeps a worker with its container once that runs; one that is being started has none yet. */
export function rememberWorker(records: WorkerRecords, worker: Worker): void {
  if (isLive(worker)) records.save(toRecord(worker));
}

/**
 * S2: forgets a worker that somebody wanted gone, and keeps why any other one went.
 * @param worker as it was known; undefined when only the records know of it
 */
export function rememberRemoval(
  records: WorkerRecords,
  id: string,
  worker: Worker | undefined,
  reason: RemovalReason,
  exitStatus?: number,
): void {
  if (reason === "destroyed" || reason === "replaced") {
    records.remove(id);
    return;
  }
  const why = describeEnd(reason, worker, exitStatus);
  if (worker === undefined || isLive(worker)) records.fail(id, why);
  else records.save(failedStart(worker, why));
}

function describeEnd(
  reason: Exclude<RemovalReason, "destroyed" | "replaced">,
  worker: Worker | undefined,
  exitStatus: number | undefined,
): string {
  const starting = worker !== undefined && !isLive(worker) ? " before it listened on its port" : "";
  if (reason === "out-of-memory") return `killed at its memory limit${starting}`;
  if (reason === "network-lost") return "its network namespace was removed from outside";
  if (exitStatus !== undefined) return `exited with status ${exitStatus}${starting}`;
  return starting === "" ? "its container was found gone or not running" : `exited${starting}`;
}

function toRecord({ identity, state, attachmentId, lastAccessMs }: LiveWorker): PresentRecord {
  const { id, instanceId, function: name, slot, owner } = identity;
  const common = { instanceId, function: name, slot, owner, network: attachmentId, lastAccessMs };
  return { workerId: id, containerId: id, state: recordStates[state], reason: undefined, ...common };
}

function failedStart({ identity }: Worker, reason: string): ErrorRecord {
  const { id, instanceId, function: name, slot, owner, createdAtMs } = identity;
  const common = { instanceId, function: name, slot, owner, network: undefined, lastAccessMs: createdAtMs };
  return { workerId: id, containerId: undefined, state: "ERROR", reason, ...common };
}
