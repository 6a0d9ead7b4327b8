import type { FunctionDefinition } from "../functions/definition.ts";
import type { RemovalReason, StartKind, StartPhases, WorkerInfo } from "./agent.ts";

/** The gateway's way to a worker; one per worker ever made. */
export interface WorkerConnection {
  /** Lets go of what is open, because the worker is about to freeze; opened again when needed. */
  drop(): void;
  /** Lets go for good. */
  close(): void;
}

/**
 * What became of the worker in the hands of the one who leased it. `done`: free for the next. `broken`: it cannot be
 * trusted any more and is replaced. `gone`: the agent says that there is no such worker. `frozen`: the agent was away when
 * it should have been thawed, and it has been sent nothing.
 */
export type LeaseOutcome = "done" | "broken" | "gone" | "frozen";

/** A thaw that is under way while the request is sent. */
export interface Thaw {
  readonly done: Promise<void>;
  /** Whether the worker was frozen for sure before; false when the freeze itself was still under way. */
  readonly wasFrozen: boolean;
}

/** A worker for one request. It must be released, once; a second release does nothing. */
export interface Lease<C extends WorkerConnection> {
  readonly worker: WorkerInfo;
  readonly definition: FunctionDefinition;
  readonly connection: C;
  readonly start: StartKind;
  /** Only where the worker was made for this request. */
  readonly phases: StartPhases | undefined;
  readonly thaw: Thaw | undefined;
  /** Calls back when the agent says that the leased worker's process has ended, at once if it has said so already. */
  onRemoved(callback: (reason: RemovalReason) => void): void;
  /** The request is answered; the worker stays busy, with what nobody waits for, until it is released. */
  linger(): void;
  release(outcome: LeaseOutcome): void;
}
