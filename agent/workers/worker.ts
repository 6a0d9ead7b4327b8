import type { Endpoint, WorkerIdentity } from "./runtime.ts";

export type RemovalReason = "destroyed" | "exited" | "out-of-memory" | "replaced";

/** A worker as its clients see it; the type says which states have an address. */
export type Worker =
  | { readonly state: "starting" | "stopped"; readonly identity: WorkerIdentity }
  | {
      readonly state: "running" | "paused";
      readonly identity: WorkerIdentity;
      readonly endpoint: Endpoint;
      readonly pid: number;
    };

export type LiveWorker = Extract<Worker, { state: "running" | "paused" }>;

/** Whether a client of the workers could tell the two apart. An identity never changes, so its instance stands for it. */
export function isSameWorker(a: Worker, b: Worker): boolean {
  if (a.state !== b.state || a.identity.instanceId !== b.identity.instanceId) return false;
  if (!isLive(a) || !isLive(b)) return true;
  return a.pid === b.pid && a.endpoint.host === b.endpoint.host && a.endpoint.port === b.endpoint.port;
}

export function isLive(worker: Worker | undefined): worker is LiveWorker {
  return worker?.state === "running" || worker?.state === "paused";
}

export type WorkerChange =
  | { readonly type: "changed"; readonly worker: Worker }
  | {
      readonly type: "removed";
      readonly worker: Worker;
      readonly reason: RemovalReason;
      readonly exitStatus: number | undefined;
    };
