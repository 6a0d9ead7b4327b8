import type { WorkerRecord } from "../workers/records.ts";
import type { RuntimeWorker } from "../workers/runtime.ts";

export interface ObservedContainer extends RuntimeWorker {
  /** False when its network was taken apart from outside: nobody can reach it. */
  readonly networkIntact: boolean;
}

export interface ObservedLease {
  readonly id: string;
  /** Taken before this agent began to serve, so nobody's any more. */
  readonly isFormer: boolean;
}

/**
 * What containerd, the database, the kernel and the agent itself say, read one after the other, the agent's own word
 * first. What is not ours is in it only so that it can be kept clear of.
 */
export interface Observation {
  /** Ids of workers that are being made. */
  readonly starting: readonly string[];
  /** Ids of workers that the agent counts as running or frozen. */
  readonly live: readonly string[];
  readonly records: readonly WorkerRecord[];
  /** Every container of our namespace, whoever made it. */
  readonly containers: readonly ObservedContainer[];
  /** Ids of every task of our namespace, whoever made it. */
  readonly tasks: readonly string[];
  /** Keys of the writable snapshots that carry our mark. */
  readonly snapshots: readonly string[];
  /** Ids of workers that have a log. */
  readonly logs: readonly string[];
  /** Ids, in the form of a worker's, that have a control group below our namespace's. */
  readonly cgroups: readonly string[];
  /** Leases that carry our mark. */
  readonly leases: readonly ObservedLease[];
}
