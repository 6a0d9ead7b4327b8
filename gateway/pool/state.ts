import type { FunctionDefinition } from "../functions/definition.ts";
import type { RemovalReason, StartKind, StartPhases, WorkerInfo } from "./agent.ts";
import type { Lease, LeaseOutcome, Thaw, WorkerConnection } from "./lease.ts";
import type { StartPriority } from "./starts.ts";

/** A worker that exists as far as we know. */
export interface Member<C extends WorkerConnection> {
  readonly info: WorkerInfo;
  readonly connection: C;
  /** What it was made from; undefined for one that was there before us: the agent must look at it before it serves. */
  readonly definition: FunctionDefinition | undefined;
  /** When it was made or taken over, by the clock. */
  readonly sinceMs: number;
  /** How it got here, until its first request is served. */
  firstStart: { readonly kind: StartKind; readonly phases: StartPhases | undefined } | undefined;
  /** Why it has gone, once the agent says so; `missing`: a list, which may have been older, does not have it. */
  removed: RemovalReason | "missing" | undefined;
  onRemoved: ((reason: RemovalReason) => void) | undefined;
}

/** A worker is being made or looked at; `begun`: it waits neither for its turn nor for room on the host. */
export interface Starting<C extends WorkerConnection> {
  readonly kind: "starting";
  readonly abort: AbortController;
  readonly before: Startable<C>;
  readonly priority: StartPriority;
  /** By the clock. */
  readonly sinceMs: number;
  begun: boolean;
  /** Instance of a worker of this slot that has gone since: the agent's word may overtake its answer. */
  gone: string | undefined;
}

/** What a start can begin from. */
export type Startable<C extends WorkerConnection> =
  | { readonly kind: "absent" }
  | { readonly kind: "idle"; readonly member: Member<C> }
  | { readonly kind: "freezing"; readonly member: Member<C>; readonly pause: Promise<void> }
  /** `perhaps`: it may run, thawed by others or never frozen; it is frozen (again) when it has idled. */
  | { readonly kind: "frozen"; readonly member: Member<C>; readonly perhaps: boolean };

/** What one slot of a function is doing. A transition makes a new object, so that a late answer can see it is late. */
export type SlotState<C extends WorkerConnection> =
  | Startable<C>
  | Starting<C>
  | { readonly kind: "busy"; readonly member: Member<C> }
  | { readonly kind: "thawing"; readonly member: Member<C> }
  | { readonly kind: "destroying"; readonly member: Member<C> }
  /** It must not serve any more, but could not be destroyed yet. */
  | { readonly kind: "condemned"; readonly member: Member<C> };

export type SlotStateKind = SlotState<WorkerConnection>["kind"];

/** Whether there is a worker that no request and no start uses. */
export function isResting<C extends WorkerConnection>(
  state: SlotState<C>,
): state is SlotState<C> & { readonly kind: "idle" | "frozen" | "freezing" | "thawing" } {
  return state.kind === "idle" || state.kind === "frozen" || state.kind === "freezing" || state.kind === "thawing";
}

export function createMember<C extends WorkerConnection>(
  info: WorkerInfo,
  connection: C,
  definition: FunctionDefinition | undefined,
  sinceMs: number,
  firstStart: Member<C>["firstStart"],
): Member<C> {
  return { info, connection, definition, sinceMs, firstStart, removed: undefined, onRemoved: undefined };
}

/** @param onLinger see Lease @param onRelease called at the first release only */
export function createLease<C extends WorkerConnection>(
  member: Member<C>,
  definition: FunctionDefinition,
  thaw: Thaw | undefined,
  onLinger: () => void,
  onRelease: (outcome: LeaseOutcome) => void,
): Lease<C> {
  const first = thaw === undefined ? member.firstStart : { kind: "thawed" as const, phases: undefined };
  member.firstStart = undefined;
  let released = false;
  return {
    worker: member.info,
    definition,
    connection: member.connection,
    start: first?.kind ?? "warm",
    phases: first?.phases,
    thaw,
    onRemoved(callback) {
      member.onRemoved = callback;
      if (member.removed !== undefined && member.removed !== "missing") callback(member.removed);
    },
    linger: onLinger,
    release(outcome) {
      if (released) return;
      released = true;
      member.onRemoved = undefined;
      onRelease(outcome);
    },
  };
}
