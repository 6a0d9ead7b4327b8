import { ApiError, type ApiErrorCode } from "../apigateway/errors.ts";
import { LambdaError, type LambdaErrorName } from "./errors.ts";

/** Requests that come to no route, as both APIs tell them. */
const problems = {
  MALFORMED: { status: 400, lambda: "InvalidRequestContentException", api: "BAD_REQUEST" },
  TIMED_OUT: { status: 408, lambda: "InvalidRequestContentException", api: "REQUEST_TIMEOUT" },
  BODY_TOO_LARGE: { status: 413, lambda: "RequestTooLargeException", api: "REQUEST_TOO_LARGE" },
  TARGET_TOO_LONG: { status: 414, lambda: "RequestTooLargeException", api: "TARGET_TOO_LONG" },
  EXPECTATION_FAILED: { status: 417, lambda: "InvalidRequestContentException", api: "EXPECTATION_FAILED" },
  HEAD_TOO_LARGE: { status: 431, lambda: "RequestTooLargeException", api: "HEAD_TOO_LARGE" },
} as const satisfies Record<
  string,
  { readonly status: number; readonly lambda: LambdaErrorName; readonly api: ApiErrorCode }
>;

export type ProblemName = keyof typeof problems;

/** An answer as it is written. */
export interface ProblemAnswer {
  readonly status: number;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: string;
}

const lambdaPath = /^(?:https?:\/\/[^/]*)?\/(?:2015-03-31|2014-11-13|2021-11-15)\//i;

/**
 * A problem in the shape of the API that the request was meant for.
 * @param target the request's target; undefined: it is not known, and API Gateway's shape is taken
 * @param message for Lambda's API; API Gateway tells no detail
 */
export function problemAnswer(
  name: ProblemName,
  message: string,
  target: string | undefined,
  requestId: string,
): ProblemAnswer {
  const { status, lambda, api } = problems[name];
  const [body, type] =
    target !== undefined && lambdaPath.test(target)
      ? [new LambdaError(lambda, message, { status }).body(), lambda]
      : inApiGatewaysWords(new ApiError(api, message));
  return {
    status,
    headers: [
      ...["x-amzn-requestid", requestId],
      ...["content-type", "application/json"],
      ...["content-length", String(Buffer.byteLength(body))],
      ...["x-amzn-errortype", type],
    ],
    body,
  };
}

/** These have the same words in both kinds of API. */
function inApiGatewaysWords(error: ApiError): [body: string, type: string] {
  return [error.body("1.0"), error.type];
}
