import { abandonedExit, type ExitNotices } from "./exits.ts";
import { endedByMemoryLimit } from "./out-of-memory.ts";
import type { WorkerRuntime } from "./runtime.ts";

export interface UnheardExitParts {
  readonly runtime: Pick<WorkerRuntime, "inspect" | "stats">;
  readonly exits: Pick<ExitNotices, "expected" | "announce">;
}

/**
 * S5: tells those who wait for the end of a worker's process, as a start does until the worker listens, when it came
 * while the runtime's news were cut off.
 * @throws AgentError RUNTIME_UNAVAILABLE; the signal's reason
 */
export async function tellUnheardExits(
  { runtime, exits }: UnheardExitParts,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  for (const pid of exits.expected(id)) {
    const found = await runtime.inspect(id, signal);
    const isSame = found?.pid === pid;
    if (isSame && (found.state === "running" || found.state === "paused")) continue;
    const exitStatus = isSame ? found.exitStatus : undefined;
    // What the runtime does not have any more was taken from it, or lost by it.
    if (exitStatus === undefined) exits.announce(id, pid, abandonedExit);
    else {
      const outOfMemory = await endedByMemoryLimit(runtime, { id, exitStatus }, () => false, signal);
      exits.announce(id, pid, { exitStatus, outOfMemory });
    }
  }
}
