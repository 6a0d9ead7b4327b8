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

export type WorkerChange =
  | { readonly type: "changed"; readonly worker: Worker }
  | {
      readonly type: "removed";
      readonly worker: Worker;
      readonly reason: RemovalReason;
      readonly exitStatus: number | undefined;
    };
