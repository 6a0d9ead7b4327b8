export interface IdleLimits {
  /** 0: at once; -1: never. */
  readonly freezeAfterMs: number;
  readonly destroyAfterMs: number;
}

export interface IdleStep {
  readonly action: "freeze" | "destroy";
  readonly inMs: number;
}

/** What becomes of a worker that nobody uses, and when. */
export function nextIdleStep(idleMs: number, frozen: boolean, limits: IdleLimits): IdleStep {
  const freezes = !frozen && limits.freezeAfterMs >= 0 && limits.freezeAfterMs < limits.destroyAfterMs;
  return freezes
    ? { action: "freeze", inMs: Math.max(0, limits.freezeAfterMs - idleMs) }
    : { action: "destroy", inMs: Math.max(0, limits.destroyAfterMs - idleMs) };
}

/** How a request to a worker came to nothing. */
export interface FailedSend {
  /** Whether a byte of it was given to a connection. */
  readonly written: boolean;
  /** Whether the worker was frozen when it was sent, and had been gone when it should thaw. */
  readonly frozenThroughout: boolean;
  /** Whether any part of an answer came. */
  readonly answered: boolean;
}

/** Whether the worker provably never read the request, so that another may have it. */
export function mayResend(failed: FailedSend): boolean {
  return !failed.answered && (!failed.written || failed.frozenThroughout);
}
