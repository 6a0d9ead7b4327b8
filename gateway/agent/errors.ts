import { ClientError, type Metadata, Status } from "nice-grpc";
import { ErrorCode, FunctionError } from "../../proto/gen/esb/agent/v1/agent.ts";

/** The contract's names, and what a call can meet before or instead of an answer. */
export type AgentErrorCode =
  | Exclude<keyof typeof ErrorCode, "UNRECOGNIZED">
  | "AGENT_UNAVAILABLE"
  | "DEADLINE_EXCEEDED";

/** A call to the agent that failed, with the agent's own words. */
export class AgentCallError extends Error {
  override readonly name = "AgentCallError";
  readonly code: AgentErrorCode;
  /** Whether the same call can succeed later with nothing changed by anyone. */
  readonly retryable: boolean;
  /** What the function's callers are told, when it is the function that has failed; see FunctionError. */
  readonly functionError: FunctionError | undefined;

  constructor(code: AgentErrorCode, message: string, options: ErrorOptions & { functionError?: FunctionError } = {}) {
    super(message, options);
    this.code = code;
    this.functionError = options.functionError;
    this.retryable = retryableCodes.has(code);
  }
}

const retryableCodes: ReadonlySet<AgentErrorCode> = new Set<AgentErrorCode>([
  "AGENT_UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "RUNTIME_UNAVAILABLE",
  "NETWORK_EXHAUSTED",
  "IMAGE_PULL_FAILED",
  "WORKER_CONFLICT",
]);

/** Trailer in which the agent names what went wrong. */
export const errorCodeTrailer = "esb-error-code";
const functionErrorTrailer = "esb-function-error-bin";

/** An AbortError stays what it is; everything else becomes an AgentCallError. */
export function toAgentCallError(error: unknown, trailer: Metadata | undefined): unknown {
  if (!(error instanceof ClientError)) return error;
  const told = trailer?.get(functionErrorTrailer);
  return new AgentCallError(codeOf(error.code, trailer?.get(errorCodeTrailer)), error.details, {
    cause: error,
    ...(told && { functionError: FunctionError.decode(told) }),
  });
}

function codeOf(status: Status, named: string | undefined): AgentErrorCode {
  if (named !== undefined && isCode(named)) return named;
  // A call that we cancel ourselves ends as an AbortError; CANCELLED is an agent that shuts down under the call.
  if (status === Status.UNAVAILABLE || status === Status.CANCELLED) return "AGENT_UNAVAILABLE";
  if (status === Status.DEADLINE_EXCEEDED) return "DEADLINE_EXCEEDED";
  return status === Status.INVALID_ARGUMENT ? "INVALID_REQUEST" : "INTERNAL";
}

function isCode(name: string): name is Exclude<keyof typeof ErrorCode, "UNRECOGNIZED"> {
  return Object.hasOwn(ErrorCode, name) && name !== "UNRECOGNIZED" && name !== "ERROR_CODE_UNSPECIFIED";
}

const codeIn = (codes: ReadonlySet<AgentErrorCode>) => (error: unknown) =>
  error instanceof AgentCallError && codes.has(error.code);

/** There is no such worker. */
export const isGone = codeIn(new Set<AgentErrorCode>(["WORKER_NOT_FOUND"]));

/** The agent or its containerd went away; whether the call was carried out is open. */
export const isAway = codeIn(
  new Set<AgentErrorCode>(["AGENT_UNAVAILABLE", "DEADLINE_EXCEEDED", "RUNTIME_UNAVAILABLE"]),
);

/** The host has no room for another worker. */
export const isExhausted = codeIn(new Set<AgentErrorCode>(["MEMORY_EXHAUSTED", "NETWORK_EXHAUSTED", "HOST_EXHAUSTED"]));
