import { setTimeout as sleep } from "node:timers/promises";
import { AgentError, type FunctionError } from "../errors.ts";
import { AbandonedError } from "./exit-error.ts";
import type { Exit } from "./exits.ts";

export interface InitialisedOptions {
  /** Ends with the init phase; see `WorkerRuntime.initialised`. */
  readonly initialised: () => Promise<FunctionError | undefined>;
  /** Resolves when the worker's process ends. */
  readonly exit: Promise<Exit>;
}

/** Who serves the Runtime API is told of an end as well, and knows best what to call it; for that it has this long. */
const lastWordsMs = 1000;

/**
 * Waits until a worker with a Lambda runtime has got through its init phase.
 * @throws AgentError WORKER_INIT_FAILED or WORKER_OUT_OF_MEMORY with what its callers are told; RUNTIME_UNAVAILABLE
 */
export async function waitUntilInitialised(id: string, { initialised, exit }: InitialisedOptions): Promise<void> {
  const init = initialised().then((failure) => ({ failure }));
  const ended = await Promise.race([init.then(() => undefined), exit]);
  if (ended?.abandoned === true) {
    init.catch(() => undefined);
    throw new AbandonedError(id);
  }
  if (ended?.outOfMemory === true) {
    init.catch(() => undefined);
    const functionError = exitFailure("signal: killed");
    const message = `worker ${id} went over its memory limit in its init phase`;
    throw new AgentError("WORKER_OUT_OF_MEMORY", message, { functionError });
  }
  const outcome = await (ended === undefined ? init : Promise.race([init, late(ended)]));
  if (outcome.failure !== undefined) throw initFailed(id, outcome.failure);
  // It was ready, and has ended since: nothing can be sent to it.
  if (ended !== undefined) throw initFailed(id, exitFailure(wordsOf(ended)));
}

async function late(ended: Exit): Promise<{ readonly failure: FunctionError }> {
  await sleep(lastWordsMs);
  return { failure: exitFailure(wordsOf(ended)) };
}

function initFailed(id: string, functionError: FunctionError): AgentError {
  const { errorType, errorMessage } = functionError;
  return new AgentError("WORKER_INIT_FAILED", `the init phase of ${id} failed: ${errorType}: ${errorMessage}`, {
    functionError,
  });
}

function exitFailure(why: string): FunctionError {
  const errorMessage = `Runtime exited with error: ${why}`;
  return { errorType: "Runtime.ExitError", errorMessage, payload: new Uint8Array() };
}

/** As AWS tells of an end: a status above 128 is that of a signal. */
function wordsOf({ exitStatus }: Exit): string {
  return exitStatus === 137 ? "signal: killed" : `exit status ${exitStatus}`;
}
