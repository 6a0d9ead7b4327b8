/** ACTIVE: it runs; IDLE: it is frozen; ERROR: it is gone, for the reason given. */
export type RecordState = "ACTIVE" | "IDLE" | "ERROR";

/** What is remembered of a worker beside what its container says. */
export interface WorkerRecord {
  readonly workerId: string;
  /** Undefined when there is no container any more. */
  readonly containerId: string | undefined;
  readonly instanceId: string;
  readonly function: string;
  readonly slot: number;
  readonly owner: string;
  readonly state: RecordState;
  /** Why it is in ERROR; undefined otherwise. */
  readonly reason: string | undefined;
  /** Name of its network attachment. */
  readonly network: string | undefined;
  /** Milliseconds since 1970. */
  readonly lastAccessMs: number;
}

/**
 * S2: the workers' memory over restarts. No call waits for the disk and none fails: what cannot be written is logged
 * and tried again.
 */
export interface WorkerRecords {
  /** Keeps a worker as it is now, its container's id included, in place of what was known of this id. */
  save(record: WorkerRecord): void;
  /** The container of a worker; undefined when none is known. */
  getContainerId(workerId: string): string | undefined;
  get(workerId: string): WorkerRecord | undefined;
  /** The worker is gone though nobody asked for that: ERROR, without container. One in ERROR keeps its first reason. */
  fail(workerId: string, reason: string): void;
  /** Forgets a worker that was destroyed. */
  remove(workerId: string): void;
  all(): WorkerRecord[];
}
