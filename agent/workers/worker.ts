import type { Driver, Endpoint, RuntimeWorker, WorkerIdentity } from "./runtime.ts";

export type RemovalReason = "destroyed" | "exited" | "out-of-memory" | "replaced" | "network-lost";

/** A worker as its clients see it; the type says which states have an address. */
export type Worker =
  | {
      readonly state: "starting";
      readonly identity: WorkerIdentity;
      /** As below, once it is known. */
      readonly sourceAddress?: string | undefined;
    }
  | {
      readonly state: "running" | "paused";
      readonly identity: WorkerIdentity;
      readonly endpoint: Endpoint;
      readonly driver: Driver;
      readonly pid: number;
      /** Name of its network attachment. */
      readonly attachmentId: string | undefined;
      /** Where its own connections to this host come from; absent for one of an older agent's. */
      readonly sourceAddress?: string | undefined;
      /** When it was last ensured, frozen or thawed, in milliseconds since 1970. */
      readonly lastAccessMs: number;
    };

export type LiveWorker = Extract<Worker, { state: "running" | "paused" }>;

/**
 * Whether there is no news for those who watch. An identity never changes, so its instance stands for it; a later
 * access is no news.
 */
export function isSameWorker(a: Worker, b: Worker): boolean {
  if (a.state !== b.state || a.identity.instanceId !== b.identity.instanceId) return false;
  if (a.sourceAddress !== b.sourceAddress) return false;
  if (!isLive(a) || !isLive(b)) return true;
  return a.pid === b.pid && a.endpoint.host === b.endpoint.host && a.endpoint.port === b.endpoint.port;
}

/**
 * Whether a worker that the runtime has can take requests. One that has ended, was never started, or does not say who it
 * is cannot.
 */
export function canServe(found: RuntimeWorker): found is RuntimeWorker & Omit<LiveWorker, "lastAccessMs"> {
  const { ours, identity, endpoint, state } = found;
  return ours && identity !== undefined && endpoint !== undefined && (state === "running" || state === "paused");
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
