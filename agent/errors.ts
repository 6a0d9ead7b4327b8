import { Status } from "nice-grpc-common";

/**
 * Everything that can go wrong in the agent, in one table. `status` is what gRPC clients see; `fault` says who can
 * mend it: the caller, the function (its image or its code), the machine, or we.
 */
export const errorTable = {
  INVALID_REQUEST: { status: Status.INVALID_ARGUMENT, fault: "caller" },
  IMAGE_NOT_FOUND: { status: Status.NOT_FOUND, fault: "caller" },
  IMAGE_PULL_FAILED: { status: Status.UNAVAILABLE, fault: "machine" },
  IMAGE_INVALID: { status: Status.FAILED_PRECONDITION, fault: "function" },
  WORKER_NOT_FOUND: { status: Status.NOT_FOUND, fault: "caller" },
  WORKER_START_FAILED: { status: Status.FAILED_PRECONDITION, fault: "function" },
  WORKER_EXITED: { status: Status.FAILED_PRECONDITION, fault: "function" },
  WORKER_OUT_OF_MEMORY: { status: Status.FAILED_PRECONDITION, fault: "function" },
  WORKER_NOT_READY: { status: Status.FAILED_PRECONDITION, fault: "function" },
  WORKER_INIT_FAILED: { status: Status.FAILED_PRECONDITION, fault: "function" },
  WORKER_CONFLICT: { status: Status.ABORTED, fault: "caller" },
  /** Between the runtime and Ensure only, which takes the container over; never sent. */
  CONTAINER_EXISTS: { status: Status.ABORTED, fault: "machine" },
  NETWORK_FAILED: { status: Status.INTERNAL, fault: "machine" },
  MEMORY_EXHAUSTED: { status: Status.RESOURCE_EXHAUSTED, fault: "machine" },
  HOST_EXHAUSTED: { status: Status.RESOURCE_EXHAUSTED, fault: "machine" },
  NETWORK_EXHAUSTED: { status: Status.RESOURCE_EXHAUSTED, fault: "machine" },
  RUNTIME_UNAVAILABLE: { status: Status.UNAVAILABLE, fault: "machine" },
  INTERNAL: { status: Status.INTERNAL, fault: "esb" },
} as const satisfies Record<string, { status: Status; fault: "caller" | "function" | "machine" | "esb" }>;

export type ErrorCode = keyof typeof errorTable;

/** What a function's callers are told, in AWS's words. */
export interface FunctionError {
  /** Such as `Runtime.ExitError`. */
  readonly errorType: string;
  /** Without the id of an invocation. */
  readonly errorMessage: string;
  /** What the function's runtime itself has told, as it sent it; empty: nothing. */
  readonly payload: Uint8Array;
}

/** An error whose message is meant for the client; everything else crosses the wire as INTERNAL, without detail. */
export class AgentError extends Error {
  override readonly name = "AgentError";
  readonly code: ErrorCode;
  /** Absent: the failure is not one that a function's callers know from AWS. */
  readonly functionError: FunctionError | undefined;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions & { readonly functionError?: FunctionError }) {
    super(message, options);
    this.code = code;
    this.functionError = options?.functionError;
  }
}

/**
 * Undoes what a failure has left half-done.
 * @returns what to throw then: the first error, since it says what went wrong; when the undoing fails too, that is kept
 * as its cause, for the log
 */
export async function undone(error: unknown, undo: () => Promise<unknown>): Promise<unknown> {
  try {
    await undo();
    return error;
  } catch (undoError) {
    const cause = new AggregateError([error, undoError], "the work failed, and so did cleaning up behind it");
    return error instanceof AgentError ? failedAs(error, cause) : cause;
  }
}

function failedAs({ code, message, functionError }: AgentError, cause: unknown): AgentError {
  return new AgentError(code, message, { cause, ...(functionError && { functionError }) });
}
