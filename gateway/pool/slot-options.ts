import type { EnsuredWorker, WorkerAgent, WorkerInfo } from "./agent.ts";
import type { Clock } from "./clock.ts";
import type { WorkerConnection } from "./lease.ts";
import type { IdleLimits } from "./policy.ts";

/** What all workers of a gateway have in common. */
export interface SharedOptions<C extends WorkerConnection> {
  readonly agent: WorkerAgent;
  readonly clock: Clock;
  readonly limits: IdleLimits;
  readonly connect: (worker: WorkerInfo) => C;
  /** Whether an error of the agent says that the worker does not exist. */
  readonly isGone: (error: unknown) => boolean;
  /** Whether an error leaves open if the agent has done what it was asked: it went away before it answered. */
  readonly isUncertain: (error: unknown) => boolean;
  readonly onStarted: (started: EnsuredWorker) => void;
  /** A freeze or destroy that nobody waits for has failed; it is tried again. */
  readonly onTrouble: (what: "freeze" | "destroy", worker: WorkerInfo, error: unknown) => void;
}

export interface SlotOptions<C extends WorkerConnection> extends SharedOptions<C> {
  readonly slot: number;
  /** The slot may be able to serve again, or could be prepared. */
  readonly onChange: () => void;
  /** What was prepared for those who wait has failed. */
  readonly onFailure: (error: unknown) => void;
}
