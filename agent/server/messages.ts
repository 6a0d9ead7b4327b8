import {
  Driver as ProtoDriver,
  RemovalReason as ProtoReason,
  type Worker as ProtoWorker,
  StartKind,
  type StartPhases,
  type WatchResponse,
  WorkerState,
} from "../../proto/gen/esb/agent/v1/agent.ts";
import type { EnsureResult } from "../workers/ensure.ts";
import type { Driver } from "../workers/runtime.ts";
import type { WatchMessage } from "../workers/table.ts";
import type { RemovalReason, Worker } from "../workers/worker.ts";

const states: Record<Worker["state"], WorkerState> = {
  starting: WorkerState.STARTING,
  running: WorkerState.RUNNING,
  paused: WorkerState.PAUSED,
};

const reasons: Record<RemovalReason, ProtoReason> = {
  destroyed: ProtoReason.DESTROYED,
  exited: ProtoReason.EXITED,
  "out-of-memory": ProtoReason.OUT_OF_MEMORY,
  replaced: ProtoReason.REPLACED,
  "network-lost": ProtoReason.NETWORK_LOST,
};

const drivers: Record<Driver, ProtoDriver> = {
  http: ProtoDriver.HTTP,
  emulator: ProtoDriver.EMULATOR,
  "runtime-api": ProtoDriver.RUNTIME_API,
};

export const startKinds: Record<EnsureResult["startKind"], StartKind> = {
  warm: StartKind.WARM,
  thawed: StartKind.THAWED,
  cold: StartKind.COLD,
};

export function toPhases({ phases, totalMs }: EnsureResult): StartPhases {
  return {
    imageMs: phases.image,
    snapshotMs: phases.snapshot,
    networkMs: phases.network,
    createMs: phases.create,
    startMs: phases.start,
    readyMs: phases.ready,
    totalMs,
  };
}

export function toMessage(worker: Worker): ProtoWorker {
  const { createdAtMs, memoryBytes: _limit, tokenDigest = "", ...identity } = worker.identity;
  const running = worker.state === "running" || worker.state === "paused" ? worker : undefined;
  return {
    ...identity,
    lastAccessMs: BigInt(Math.round(running?.lastAccessMs ?? createdAtMs)),
    createdAtMs: BigInt(Math.round(createdAtMs)),
    state: states[worker.state],
    host: running?.endpoint.host ?? "",
    port: running?.endpoint.port ?? 0,
    pid: running?.pid ?? 0,
    sourceAddress: worker.sourceAddress ?? "",
    tokenDigest,
    driver: running === undefined ? ProtoDriver.UNSPECIFIED : drivers[running.driver],
  };
}

/** S6: whether a worker is this owner's; without an owner, everybody's. */
export function isOf(owner: string | undefined, worker: Worker): boolean {
  return owner === undefined || worker.identity.owner === owner;
}

export function caughtUp(position: string, hostAddress: string): WatchResponse {
  return { position, event: { $case: "caughtUp", value: { hostAddress } } };
}

/** @returns undefined for a change that is none of this owner's */
export function toWatchResponse(message: WatchMessage, owner: string | undefined): WatchResponse | undefined {
  const mine = (worker: Worker) => isOf(owner, worker);
  const { position } = message;
  if (message.type === "snapshot") {
    const workers = message.workers.filter(mine).map(toMessage);
    return { position, event: { $case: "snapshot", value: { workers } } };
  }
  const { change } = message;
  if (!mine(change.worker)) return undefined;
  const worker = toMessage(change.worker);
  if (change.type === "changed") return { position, event: { $case: "changed", value: worker } };
  const { exitStatus } = change;
  return { position, event: { $case: "removed", value: { worker, reason: reasons[change.reason], exitStatus } } };
}
