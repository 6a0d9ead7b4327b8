import { ApiError } from "../apigateway/errors.ts";
import { toApiError } from "../apigateway/failures.ts";
import { LambdaError } from "../http/errors.ts";

/**
 * Any error as a function URL's clients are told it: those who may not call it learn no more than that, and a throttled
 * function is 429 (docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html, "Throttling function URLs").
 */
export function toUrlError(error: unknown): ApiError {
  if (!(error instanceof LambdaError)) return toApiError(error);
  if (error.status === 403) return new ApiError("FORBIDDEN", error.message);
  if (error.status !== 429) return toApiError(error);
  const { retryAfterSeconds } = error;
  return new ApiError("THROTTLED", error.message, retryAfterSeconds === undefined ? {} : { retryAfterSeconds });
}
