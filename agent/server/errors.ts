import { ServerError, type ServerMiddleware, Status } from "nice-grpc-common";
import type { Logger } from "../../common/logger.ts";
import { FunctionError as FunctionErrorMessage } from "../../proto/gen/esb/agent/v1/agent.ts";
import { AgentError, errorTable, type FunctionError } from "../errors.ts";
import { asHostExhausted } from "../exhaustion.ts";

/** Trailer with the name of an ErrorCode. */
export const errorCodeTrailer = "esb-error-code";
/** Trailer with a FunctionError. */
export const functionErrorTrailer = "esb-function-error-bin";

const longestMessage = 2000;
/** All trailers together must stay below what gRPC takes, 8 KiB by default; this one is written in base 64. */
const longestPayloadBytes = 3000;
const longestErrorMessage = 500;

/**
 * Maps errors to what crosses the wire: AgentErrors with status, message and code; cancellations as they are; whatever
 * says that the machine has run out of something as HOST_EXHAUSTED; anything else as INTERNAL, without a word of what
 * it was, which goes to our log instead.
 * @param ready throws while the agent can't work
 */
export function errorMiddleware(logger: Logger, ready: () => void): ServerMiddleware {
  return async function* mapErrors(call, context) {
    try {
      return yield* call.next(call.request, context);
    } catch (error) {
      const aborted = context.signal.aborted || (error instanceof Error && error.name === "AbortError");
      if (aborted) throw new ServerError(Status.CANCELLED, "the call was cancelled");
      if (error instanceof ServerError) throw error;
      // A function may fail in whatever words.
      const isFunctions = error instanceof AgentError && error.functionError !== undefined;
      const known =
        (isFunctions ? undefined : asHostExhausted(error)) ??
        (error instanceof AgentError ? error : new AgentError("INTERNAL", "internal error", { cause: error }));
      const { status, fault } = errorTable[known.code];
      const level = known.code === "RUNTIME_UNAVAILABLE" && isAway(ready) ? "debug" : levels[fault];
      // What has a code is all in its message, but for faults of the machine's; where we noticed it helps nobody.
      const what = level === "info" || level === "debug" ? { reason: known.message } : { err: error };
      logger[level]({ ...what, method: call.method.path, code: known.code }, "a call failed");
      context.trailer.set(errorCodeTrailer, known.code);
      if (known.functionError !== undefined)
        context.trailer.set(functionErrorTrailer, FunctionErrorMessage.encode(fitting(known.functionError)).finish());
      throw new ServerError(status, known.code === "INTERNAL" ? "internal error" : forHeader(known.message));
    }
  };
}

const levels = { esb: "error", machine: "warn", caller: "info", function: "info" } as const;

/**
 * Whether the runtime is away: that is logged once, by the one who waits for it, and a line for each call would bury it. A
 * runtime that is there and breaks down under one start is nobody's line but the call's.
 */
function isAway(ready: () => void): boolean {
  try {
    ready();
    return false;
  } catch {
    return true;
  }
}

function fitting({ errorType, errorMessage, payload }: FunctionError): FunctionErrorMessage {
  return {
    errorType: errorType.slice(0, longestErrorMessage),
    errorMessage: errorMessage.slice(0, longestErrorMessage),
    payload: payload.length > longestPayloadBytes ? Buffer.alloc(0) : Buffer.from(payload),
  };
}

/** A status message is an HTTP/2 header: one that is too long, or is no valid Unicode, would break the call itself. */
function forHeader(text: string): string {
  const cut = text.length > longestMessage ? `${text.slice(0, longestMessage)}…` : text;
  return cut.toWellFormed();
}
