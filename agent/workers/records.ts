interface Remembered {
  readonly workerId: string;
  readonly instanceId: string;
  readonly function: string;
  readonly slot: number;
  readonly owner: string;
  /** Name of its network attachment. */
  readonly network: string | undefined;
  /** Milliseconds since 1970. */
  readonly lastAccessMs: number;
}

/** ACTIVE: it runs; IDLE: it is frozen. */
export interface PresentRecord extends Remembered {
  readonly state: "ACTIVE" | "IDLE";
  readonly containerId: string;
  readonly reason: undefined;
}

/** It is gone, for the reason given, and its container with it. */
export interface ErrorRecord extends Remembered {
  readonly state: "ERROR";
  readonly containerId: undefined;
  readonly reason: string;
}

/** What is remembered of a worker beside what its container says. */
export type WorkerRecord = PresentRecord | ErrorRecord;

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
