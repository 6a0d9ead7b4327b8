import { LambdaError, toLambdaError } from "../http/errors.ts";
import { RateExceeded } from "../http/rate-limit.ts";
import { ApiError, type ApiErrorCode } from "./errors.ts";

/**
 * Any error as an API's clients are told it. What Lambda refuses is an error of the API, whose clients are told no detail
 * (docs.aws.amazon.com/lambda/latest/dg/services-apigateway-errors.html); what passes by itself has a Retry-After.
 */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof RateExceeded) {
    return new ApiError("THROTTLED", error.message, { retryAfterSeconds: error.retryAfterSeconds });
  }
  const told = error instanceof LambdaError ? error : toLambdaError(error);
  return new ApiError(codeOf(told), `${told.name}: ${told.message}`, {
    ...(told.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: told.retryAfterSeconds }),
    cause: error,
  });
}

function codeOf({ name, status }: LambdaError): ApiErrorCode {
  // 415: of sign-in, since routes take any media type.
  if (status === 400 || status === 415) return "BAD_REQUEST";
  if (status === 413) return "REQUEST_TOO_LARGE";
  if (status === 503) return "UNAVAILABLE";
  // A throttled function; one that has gone from functions.yml is answered as one that Lambda does not know.
  if (status === 429 || name === "ResourceNotFoundException") return "INTEGRATION_REFUSED";
  // It cannot be started, or was lost: its failure rather than Lambda's.
  if (status === 502) return "INTEGRATION_FAILURE";
  return "INTERNAL";
}
