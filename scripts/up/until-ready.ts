import { setTimeout as sleep } from "node:timers/promises";
import { lastLines } from "./daemons.ts";

export interface Readiness {
  readonly what: string;
  readonly logPath: string;
  /** Where in the log it began. */
  readonly logFromBytes?: number;
  readonly timeoutMs: number;
  readonly isRunning: () => Promise<boolean>;
  readonly isReady: () => Promise<boolean>;
  readonly signal?: AbortSignal;
}

/** Waits until a process is ready. @throws Error with the end of its log when it ends before, or takes too long */
export async function untilReady(readiness: Readiness): Promise<void> {
  const { what, logPath, logFromBytes, timeoutMs, isRunning, isReady, signal } = readiness;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    if (await isReady()) return;
    if (!(await isRunning())) throw await failure(`${what} ended`);
    if (performance.now() > deadline) throw await failure(`${what} was not ready after ${timeoutMs / 1000} s`);
    await sleep(50, undefined, signal === undefined ? {} : { signal });
  }

  async function failure(sentence: string): Promise<Error> {
    return new Error(`${sentence}; the end of ${logPath}:\n${await lastLines(logPath, 15, logFromBytes)}`);
  }
}
