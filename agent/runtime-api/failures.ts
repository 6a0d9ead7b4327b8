import { constants } from "node:os";

/** What went wrong, as AWS names it; what a caller gets as the payload of a function error. */
export interface FunctionFailure {
  readonly errorType: string;
  readonly errorMessage: string;
}

/** Lambda's limit of a buffered answer, in bytes. */
export const largestAnswerBytes = 6_291_556;

export const responseTooLarge: FunctionFailure = {
  errorType: "Function.ResponseSizeTooLarge",
  errorMessage: `Response payload size exceeded maximum allowed payload size (${largestAnswerBytes} bytes).`,
};

/**
 * Of a process that has ended.
 * @param exitStatus as containerd has it: above 128, the rest is the number of a signal
 */
export function exited(exitStatus: number): FunctionFailure {
  const why =
    exitStatus === 0 ? "Runtime exited without providing a reason" : `Runtime exited with error: ${words(exitStatus)}`;
  return { errorType: "Runtime.ExitError", errorMessage: why };
}

/** Of an extension's process that has ended while its worker was to go on. @param exitStatus as in `exited` */
export function extensionExited(exitStatus: number): FunctionFailure {
  return { errorType: "Extension.Crash", errorMessage: exitStatus === 0 ? "exit code 0" : words(exitStatus) };
}

/** @param timeoutMs how long the init phase was given */
export function initTimedOut(timeoutMs: number): FunctionFailure {
  return {
    errorType: "Sandbox.Timedout",
    errorMessage: `Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`,
  };
}

/** The payload for one invocation, in which AWS puts its id before the sentence. */
export function payloadOf(requestId: string, { errorType, errorMessage }: FunctionFailure): Buffer {
  return Buffer.from(JSON.stringify({ errorType, errorMessage: `RequestId: ${requestId} Error: ${errorMessage}` }));
}

/** In the words of Go's os package, in which AWS's supervisor is written. */
function words(exitStatus: number): string {
  const signal = exitStatus - 128;
  const name = Object.entries(constants.signals).find(([, number]) => number === signal)?.[0];
  if (name === undefined) return `exit status ${exitStatus}`;
  return `signal: ${signalWords[name] ?? name}`;
}

const signalWords: Record<string, string> = {
  SIGABRT: "aborted",
  SIGBUS: "bus error",
  SIGFPE: "floating point exception",
  SIGHUP: "hangup",
  SIGILL: "illegal instruction",
  SIGINT: "interrupt",
  SIGKILL: "killed",
  SIGPIPE: "broken pipe",
  SIGQUIT: "quit",
  SIGSEGV: "segmentation fault",
  SIGSYS: "bad system call",
  SIGTERM: "terminated",
  SIGTRAP: "trace/breakpoint trap",
};
