import type { FunctionDefinition } from "../functions/definition.ts";
import type { EnsuredWorker, WorkerAgent, WorkerInfo } from "./agent.ts";
import type { Clock } from "./clock.ts";
import type { InFlight } from "./in-flight.ts";
import type { WorkerConnection } from "./lease.ts";
import type { IdleLimits } from "./policy.ts";
import type { Slot } from "./slot.ts";
import type { StartPriority } from "./starts.ts";

/** What all workers of a gateway have in common. */
export interface SharedOptions<C extends WorkerConnection> {
  readonly agent: WorkerAgent;
  readonly clock: Clock;
  /** For functions that do not say themselves. */
  readonly limits: IdleLimits;
  readonly connect: (worker: WorkerInfo) => C;
  /** Whether an error of the agent says that the worker does not exist. */
  readonly isGone: (error: unknown) => boolean;
  /** Whether an error says that the agent or its containerd went away, and leaves open if it has done what it was asked. */
  readonly isAway: (error: unknown) => boolean;
  readonly inFlight: InFlight;
  readonly onStarted: (started: EnsuredWorker) => void;
  /** A worker may still be busy with a request, of the gateway's life before as a rule: it is replaced. */
  readonly onFoundBusy: (worker: WorkerInfo) => void;
  /** A freeze or destroy that nobody waits for has failed; it is tried again. */
  readonly onTrouble: (what: "freeze" | "destroy", worker: WorkerInfo, error: unknown) => void;
}

export interface StartRequest {
  readonly definition: FunctionDefinition;
  readonly slot: number;
  /** Whether the slot has a worker from before. */
  readonly adopted: boolean;
  readonly priority: StartPriority;
  readonly signal: AbortSignal;
  /** Called when its turn has come, and when it has to wait again, for room on the host. */
  readonly onTurn: (begun: boolean) => void;
}

/** Makes workers when their turn comes. */
export interface Starter {
  /** @throws the agent's error, the guard's, or the signal's reason */
  start(request: StartRequest): Promise<EnsuredWorker>;
}

/** What a slot asks of the pool that it belongs to, and tells it. */
export interface SlotOwner<C extends WorkerConnection> {
  /** Whether a worker that is free now stays. */
  keeps(): boolean;
  /** Whether a worker that has idled for long enough may go. */
  lets(): boolean;
  /** Gives a worker that runs to one who waits for it, if anybody does. */
  serves(slot: Slot<C>): boolean;
  /** The worker runs, nobody uses it and nobody waits for it. */
  onIdle(slot: Slot<C>): void;
  /** The worker has been idle and is so no more, other than by a lease. */
  onIdleEnd(slot: Slot<C>): void;
  /** A worker is gone that we have not destroyed. @param livedMs since it was made or taken over */
  onLost(livedMs: number): void;
  /** The slot could be prepared to serve. */
  onChange(): void;
  /** The slot has no worker any more. */
  onGone(): void;
  /** What was done for those who wait, or for `min`, has failed; `none`: a worker that counts no more cannot go yet. */
  onFailure(error: unknown, purpose: StartPriority | "none"): void;
}

export interface SlotOptions<C extends WorkerConnection> extends Omit<SharedOptions<C>, "limits"> {
  readonly slot: number;
  readonly limits: () => IdleLimits;
  readonly starter: Starter;
  readonly owner: SlotOwner<C>;
}
