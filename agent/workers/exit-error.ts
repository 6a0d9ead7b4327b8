import { AgentError } from "../errors.ts";
import type { Exit } from "./exits.ts";

/** What held the worker for the runtime has ended, such as its shim: nothing that the function's author could mend. */
export class AbandonedError extends AgentError {
  constructor(id: string) {
    super("RUNTIME_UNAVAILABLE", `the runtime lost worker ${id} before it was ready`);
  }
}

/** What an Ensure says of a worker that ended before it listened. */
export function exitError(id: string, exit: Exit): AgentError {
  if (exit.abandoned === true) return new AbandonedError(id);
  return exit.outOfMemory
    ? new AgentError("WORKER_OUT_OF_MEMORY", `worker ${id} went over its memory limit before it listened on its port`)
    : new AgentError(
        "WORKER_EXITED",
        `worker ${id} ended with status ${exit.exitStatus} before it listened on its port`,
      );
}
