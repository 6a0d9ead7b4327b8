import type { IncomingHttpHeaders } from "node:http";

/** Lambda's limit of an answer, in bytes; a hundred more than that of a request. */
export const largestAnswerBytes = 6_291_556;

/**
 * What of a worker's headers reaches the client: what describes the body and what Lambda's API defines. Everything else
 * (hop-by-hop headers among it, RFC 9110 section 7.6.1) belongs to the worker's own connection.
 */
export interface AnswerHead {
  readonly contentType: string;
  readonly contentEncoding: string | undefined;
  readonly functionError: string | undefined;
  readonly logResult: string | undefined;
}

/** @param status a worker that answers with an error has failed, in Lambda's terms: the Invoke itself succeeds */
export function toAnswerHead(status: number, headers: IncomingHttpHeaders): AnswerHead {
  const failed = status < 200 || status > 299;
  return {
    contentType: headers["content-type"] ?? "application/json",
    contentEncoding: headers["content-encoding"],
    functionError: single(headers["x-amz-function-error"]) ?? (failed ? "Unhandled" : undefined),
    logResult: single(headers["x-amz-log-result"]),
  };
}

/** The length that the worker announces; undefined when it does not. */
export function announcedBytes(headers: IncomingHttpHeaders): number | undefined {
  const text = headers["content-length"];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** A function error as Lambda's own part of the sandbox reports it: the answer is 200, the body says what happened. */
export interface FunctionError {
  /** Such as `Sandbox.Timedout`, `Runtime.ExitError`, `Function.ResponseSizeTooLarge`. */
  readonly errorType: string;
  readonly errorMessage: string;
}

export function timedOut(requestId: string, timeoutMs: number): FunctionError {
  return {
    errorType: "Sandbox.Timedout",
    errorMessage: `RequestId: ${requestId} Error: Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`,
  };
}

/** @param why in a few words, such as `signal: killed` */
export function exited(requestId: string, why?: string): FunctionError {
  return {
    errorType: "Runtime.ExitError",
    errorMessage: `RequestId: ${requestId} Error: Runtime exited${why === undefined ? "" : ` with error: ${why}`}`,
  };
}

export const tooLarge: FunctionError = {
  errorType: "Function.ResponseSizeTooLarge",
  errorMessage: `Response payload size exceeded maximum allowed payload size (${largestAnswerBytes} bytes).`,
};

/**
 * An error in the middle of a streamed answer comes behind it
 * (docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html, "Response streaming").
 */
export function errorInTrailers(trailers: IncomingHttpHeaders): FunctionError | undefined {
  const errorType = single(trailers["lambda-runtime-function-error-type"]);
  if (errorType === undefined) return undefined;
  const text = Buffer.from(single(trailers["lambda-runtime-function-error-body"]) ?? "", "base64").toString();
  try {
    const told: unknown = JSON.parse(text);
    if (typeof told === "object" && told !== null) return { errorType, errorMessage: "", ...told };
  } catch {
    // It is no JSON, and as much a message as any.
  }
  return { errorType, errorMessage: text };
}
