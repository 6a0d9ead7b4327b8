import { AgentCallError } from "../agent/errors.ts";
import { StartsSuspended } from "../breaker/suspended.ts";
import type { FunctionError } from "./answer.ts";

/**
 * What a caller is told when a function could not be started since its init phase failed, also while starts rest for
 * that: as on AWS it is the function's failure, not the Invoke's. Undefined for all other errors.
 */
export function initFailureOf(error: unknown, requestId: string): FunctionError | undefined {
  if (error instanceof StartsSuspended) return initFailureOf(error.cause, requestId);
  if (!(error instanceof AgentCallError) || error.functionError === undefined) return undefined;
  const { errorType, errorMessage, payload } = error.functionError;
  return parsed(payload) ?? { errorType, errorMessage: `RequestId: ${requestId} Error: ${errorMessage}` };
}

/** What the runtime itself has told, with all that it has in it, such as a stack trace. */
function parsed(payload: Uint8Array): FunctionError | undefined {
  try {
    const told: unknown = JSON.parse(Buffer.from(payload).toString());
    return typeof told === "object" && told !== null && "errorType" in told ? (told as FunctionError) : undefined;
  } catch {
    return undefined;
  }
}
