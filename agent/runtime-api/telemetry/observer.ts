import type { Logger } from "../../../common/logger.ts";
import type { FunctionFailure } from "../failures.ts";
import type { SessionObserver } from "../session.ts";

/** Tells the operator of init phases that ended badly; the rest is nobody's business there. */
export function loggedInit(logger: Pick<Logger, "warn">, worker: string): SessionObserver {
  return {
    initStarted: () => undefined,
    initEnded(failure: FunctionFailure | undefined) {
      if (failure === undefined) return;
      const { errorType, errorMessage } = failure;
      logger.warn({ worker, errorType, errorMessage }, "a worker's init phase failed");
    },
    started: () => undefined,
    runtimeDone: () => undefined,
    finished: () => undefined,
  };
}
