/** What an extension is told of (Extensions API). */
export type ExtensionEvent = "INVOKE" | "SHUTDOWN";

export interface ExtensionState {
  readonly name: string;
  readonly events: readonly ExtensionEvent[];
  /** Waits in event/next. */
  readonly waiting: boolean;
  /** An event that came while it did not ask. Only SHUTDOWN does: an INVOKE waits for all to ask. */
  readonly owed: boolean;
}

/** What the runtime of a worker is doing. */
export type RuntimePhase =
  /** Has not asked for an invocation yet. */
  | "starting"
  /** Waits in next. */
  | "polling"
  /** Asked, and its connection went before it got anything. */
  | "away"
  /** Has an invocation. */
  | "working"
  /** Is sending what it answers. */
  | "answering"
  /** Has answered and not asked for more. */
  | "answered";

/** An invocation: `ticket` is ours and comes once, the id is what its caller gave it. */
export interface Ticket {
  readonly ticket: number;
  readonly requestId: string;
}

export type Life = "init" | "ready" | "failed" | "ending" | "ended";

/** All that decides what a worker's requests may do. */
export interface WorkerState {
  readonly life: Life;
  readonly runtime: RuntimePhase;
  /** Names of external extensions that have not registered yet. */
  readonly expected: ReadonlySet<string>;
  /** By identifier. */
  readonly extensions: ReadonlyMap<string, ExtensionState>;
  /** With the runtime, or the last that was. */
  readonly current: Ticket | undefined;
  /** Taken, and not with the runtime yet. */
  readonly waiting: Ticket | undefined;
}

export function newWorker(extensions: Iterable<string>): WorkerState {
  return {
    life: "init",
    runtime: "starting",
    expected: new Set(extensions),
    extensions: new Map(),
    current: undefined,
    waiting: undefined,
  };
}

export type Activity = "init" | "idle" | "busy" | "ended";

/** What a worker is doing; it may be frozen only while it is idle. */
export function activityOf(state: WorkerState): Activity {
  if (state.life === "init") return "init";
  if (state.life !== "ready") return "ended";
  return state.waiting === undefined && isQuiet(state) ? "idle" : "busy";
}

/** Whether the runtime and all extensions wait for what comes next. */
export function isQuiet(state: WorkerState): boolean {
  return state.runtime === "polling" && !extensionsWork(state);
}

/** Whether an extension has not asked for what comes next. */
export function extensionsWork(state: WorkerState): boolean {
  for (const extension of state.extensions.values()) if (!extension.waiting) return true;
  return false;
}

/** Whether an invocation is with the runtime and has no answer yet. */
export function isUnanswered(state: WorkerState): boolean {
  return state.runtime === "working" || state.runtime === "answering";
}
