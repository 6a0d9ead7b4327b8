import type { IdleTimes } from "../functions/definition.ts";
import type { WorkerInfo } from "./agent.ts";

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

/** What a function says of idling goes before what the gateway's settings say. */
export function idleLimitsOf(times: IdleTimes | undefined, settings: IdleLimits): IdleLimits {
  return {
    freezeAfterMs: times?.freezeAfterMs ?? settings.freezeAfterMs,
    destroyAfterMs: times?.destroyAfterMs ?? settings.destroyAfterMs,
  };
}

/**
 * How long an adopted worker has idled. A frozen one has since the agent froze it; a running one may have answered a
 * moment ago, of which the agent knows nothing.
 */
export function idledBeforeMs(worker: Pick<WorkerInfo, "state" | "lastAccessMs">, epochMs: number): number {
  if (worker.state !== "paused" || worker.lastAccessMs === 0) return 0;
  return Math.max(0, epochMs - worker.lastAccessMs);
}

const longestRestoreMs = 30_000;
/** Workers that end soon after their start and are replaced at once all the same. */
const forgivenLosses = 3;

/** How long to wait before a function's `min` is restored, after so many failed starts and quick ends in a row. */
export function restoreAfterMs(failedStarts: number, quickLosses: number): number {
  const troubles = failedStarts + Math.max(0, quickLosses - forgivenLosses);
  return troubles === 0 ? 0 : Math.min(1000 * 2 ** (troubles - 1), longestRestoreMs);
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
