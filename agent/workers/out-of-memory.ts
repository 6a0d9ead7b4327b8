import type { WorkerRuntime } from "./runtime.ts";

/** How long the news of a SIGKILL may wait for the kernel's counters, which say whether it was the memory limit's. */
const countersWithinMs = 50;
const sigkillStatus = 137;

/**
 * Whether a process that ended with this status was killed at the worker's memory limit.
 * @param wasTold whether the runtime has said so; its word often comes behind that of the exit, the counters are there
 * before both
 */
export async function endedByMemoryLimit(
  runtime: Pick<WorkerRuntime, "stats">,
  { id, exitStatus }: { readonly id: string; readonly exitStatus: number },
  wasTold: () => boolean,
  signal: AbortSignal,
): Promise<boolean> {
  if (exitStatus !== sigkillStatus || wasTold()) return exitStatus === sigkillStatus;
  try {
    return (await runtime.stats(id, AbortSignal.any([signal, AbortSignal.timeout(countersWithinMs)]))).oomKills > 0n;
  } catch {
    // Most often because we ended it ourselves and it is gone already.
    return wasTold();
  }
}
