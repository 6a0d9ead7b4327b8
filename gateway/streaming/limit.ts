import type { FunctionError } from "../lambda/answer.ts";

/** Lambda's limit of a streamed answer, in bytes (docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html). */
export const largestStreamBytes = 200 * 1024 * 1024;

export function streamTooLarge(limit: number): FunctionError {
  return {
    errorType: "Function.ResponseSizeTooLarge",
    errorMessage: `Response payload size exceeded maximum allowed payload size (${limit} bytes).`,
  };
}
