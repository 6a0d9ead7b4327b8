import { ServerError, type ServerMiddleware, Status } from "nice-grpc-common";
import type { Logger } from "../../common/logger.ts";
import { AgentError, errorTable } from "../errors.ts";
import { asHostExhausted } from "../exhaustion.ts";

/** Trailer with the name of an ErrorCode. */
export const errorCodeTrailer = "esb-error-code";

const longestMessage = 2000;

/**
 * Maps errors to what crosses the wire: AgentErrors with status, message and code; cancellations as they are; whatever
 * says that the machine has run out of something as HOST_EXHAUSTED; anything else as INTERNAL, without a word of what
 * it was, which goes to our log instead.
 */
export function errorMiddleware(logger: Logger): ServerMiddleware {
  return async function* mapErrors(call, context) {
    try {
      return yield* call.next(call.request, context);
    } catch (error) {
      const aborted = context.signal.aborted || (error instanceof Error && error.name === "AbortError");
      if (aborted) throw new ServerError(Status.CANCELLED, "the call was cancelled");
      if (error instanceof ServerError) throw error;
      const known =
        asHostExhausted(error) ??
        (error instanceof AgentError ? error : new AgentError("INTERNAL", "internal error", { cause: error }));
      const { status, fault } = errorTable[known.code];
      // An outage is logged once, as what it is, by the one who tries to end it; a line for each call would bury it.
      const level =
        known.code === "RUNTIME_UNAVAILABLE"
          ? "debug"
          : fault === "esb"
            ? "error"
            : fault === "machine"
              ? "warn"
              : "info";
      // What has a code is all in its message, but for faults of the machine's; where we noticed it helps nobody.
      const what = level === "info" || level === "debug" ? { reason: known.message } : { err: error };
      logger[level]({ ...what, method: call.method.path, code: known.code }, "a call failed");
      context.trailer.set(errorCodeTrailer, known.code);
      throw new ServerError(status, known.code === "INTERNAL" ? "internal error" : forHeader(known.message));
    }
  };
}

/** A status message is an HTTP/2 header: one that is too long, or is no valid Unicode, would break the call itself. */
function forHeader(text: string): string {
  const cut = text.length > longestMessage ? `${text.slice(0, longestMessage)}…` : text;
  return cut.toWellFormed();
}
