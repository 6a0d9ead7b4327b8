import { AgentCallError, type AgentErrorCode } from "../agent/errors.ts";

/** Whether an error says of a function that it cannot start as it is. Of the rest, the machine or we must be mended. */
const isFunctions: Readonly<Record<AgentErrorCode, boolean>> = {
  INVALID_REQUEST: true,
  IMAGE_NOT_FOUND: true,
  IMAGE_INVALID: true,
  // Of this image's registry, which may be away or refuse us: to ask it again and again helps neither.
  IMAGE_PULL_FAILED: true,
  WORKER_START_FAILED: true,
  WORKER_EXITED: true,
  WORKER_OUT_OF_MEMORY: true,
  WORKER_NOT_READY: true,
  WORKER_INIT_FAILED: true,
  WORKER_NOT_FOUND: false,
  WORKER_CONFLICT: false,
  MEMORY_EXHAUSTED: false,
  HOST_EXHAUSTED: false,
  NETWORK_FAILED: false,
  NETWORK_EXHAUSTED: false,
  RUNTIME_UNAVAILABLE: false,
  AGENT_UNAVAILABLE: false,
  DEADLINE_EXCEEDED: false,
  INTERNAL: false,
  UNSPECIFIED: false,
};

/** Whether a start has failed by the function's own fault; one that was given up has not. */
export function isFunctionsFault(error: unknown): boolean {
  return error instanceof AgentCallError && isFunctions[error.code];
}
