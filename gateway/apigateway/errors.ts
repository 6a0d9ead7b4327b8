import type { PayloadFormat } from "../routing/definition.ts";

type Told = readonly [status: number, message: string];

/**
 * What API Gateway answers by itself: status and message, which differ between REST APIs (payload 1.0) and HTTP APIs (2.0),
 * and the x-amzn-ErrorType of REST APIs
 * (docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html; HTTP APIs have no such list,
 * their words are those of the service).
 */
const apiErrors = {
  BAD_REQUEST: { type: "BadRequestException", "1.0": [400, "Bad Request"], "2.0": [400, "Bad Request"] },
  UNAUTHORIZED: { type: "UnauthorizedException", "1.0": [401, "Unauthorized"], "2.0": [401, "Unauthorized"] },
  /** An API key that is missing or wrong. */
  FORBIDDEN: { type: "ForbiddenException", "1.0": [403, "Forbidden"], "2.0": [403, "Forbidden"] },
  NO_ROUTE: {
    type: "MissingAuthenticationTokenException",
    "1.0": [403, "Missing Authentication Token"],
    "2.0": [404, "Not Found"],
  },
  REQUEST_TOO_LARGE: {
    type: "RequestTooLargeException",
    "1.0": [413, "Request Too Long"],
    "2.0": [413, "Request Entity Too Large"],
  },
  REQUEST_TIMEOUT: {
    type: "RequestTimeoutException",
    "1.0": [408, "Request Timeout"],
    "2.0": [408, "Request Timeout"],
  },
  TARGET_TOO_LONG: {
    type: "RequestTooLargeException",
    "1.0": [414, "URI Too Long"],
    "2.0": [414, "URI Too Long"],
  },
  EXPECTATION_FAILED: {
    type: "BadRequestException",
    "1.0": [417, "Expectation Failed"],
    "2.0": [417, "Expectation Failed"],
  },
  HEAD_TOO_LARGE: {
    type: "RequestTooLargeException",
    "1.0": [431, "Request Header Fields Too Large"],
    "2.0": [431, "Request Header Fields Too Large"],
  },
  THROTTLED: {
    type: "TooManyRequestsException",
    "1.0": [429, "Too Many Requests"],
    "2.0": [429, "Too Many Requests"],
  },
  /** The function failed or answered what is no answer; HTTP APIs say 500 for some of that, requirement G5 says 502. */
  INTEGRATION_FAILURE: {
    type: "InternalServerErrorException",
    "1.0": [502, "Internal server error"],
    "2.0": [502, "Internal server error"],
  },
  /** Lambda did not take the invocation (docs.aws.amazon.com/lambda/latest/dg/services-apigateway-errors.html). */
  INTEGRATION_REFUSED: {
    type: "InternalServerErrorException",
    "1.0": [500, "Internal server error"],
    "2.0": [503, "Service Unavailable"],
  },
  INTEGRATION_TIMEOUT: {
    type: "InternalServerErrorException",
    "1.0": [504, "Endpoint request timed out"],
    "2.0": [503, "Service Unavailable"],
  },
  UNAVAILABLE: {
    type: "ServiceUnavailableException",
    "1.0": [503, "Service Unavailable"],
    "2.0": [503, "Service Unavailable"],
  },
  INTERNAL: {
    type: "InternalServerErrorException",
    "1.0": [500, "Internal server error"],
    "2.0": [500, "Internal Server Error"],
  },
} as const satisfies Record<string, Record<PayloadFormat, Told> & { readonly type: string }>;

export type ApiErrorCode = keyof typeof apiErrors;

/** An error as a function URL answers it. */
export interface UrlAnswer {
  readonly status: number;
  /** Its x-amzn-ErrorType. */
  readonly type: string;
  readonly contentType: string;
  readonly body: string;
}

/**
 * Where a function URL says something else than an HTTP API, in AWS's own words, as others have recorded them
 * (github.com/localstack/localstack, tests/aws/services/lambda_/test_lambda.py, TestLambdaURL).
 */
const urlAnswers: Partial<Record<ApiErrorCode, UrlAnswer>> = {
  NO_ROUTE: denied(null),
  FORBIDDEN: denied(
    "Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html",
  ),
  INTEGRATION_FAILURE: {
    status: 502,
    type: apiErrors.INTEGRATION_FAILURE.type,
    contentType: "text/plain",
    body: "Internal Server Error",
  },
};

function denied(message: string | null): UrlAnswer {
  return { status: 403, type: "AccessDeniedException", ...urlBody(message) };
}

function urlBody(message: string | null): Pick<UrlAnswer, "contentType" | "body"> {
  return { contentType: "application/json", body: JSON.stringify({ Message: message }) };
}

export const apiErrorCodes = Object.keys(apiErrors) as readonly ApiErrorCode[];

/** An answer of API Gateway's own that is an error. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ApiErrorCode;
  readonly retryAfterSeconds: number | undefined;

  /** @param reason for the log, never for the client */
  constructor(
    code: ApiErrorCode,
    reason: string,
    options: { readonly retryAfterSeconds?: number; readonly cause?: unknown } = {},
  ) {
    super(reason, { cause: options.cause });
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  /** What REST APIs name it in x-amzn-ErrorType. */
  get type(): string {
    return apiErrors[this.code].type;
  }

  status(payload: PayloadFormat): number {
    return apiErrors[this.code][payload][0];
  }

  /** The body as API Gateway shapes it. */
  body(payload: PayloadFormat): string {
    return JSON.stringify({ message: apiErrors[this.code][payload][1] });
  }

  /** What a function URL answers. */
  get url(): UrlAnswer {
    const [status, message] = apiErrors[this.code]["2.0"];
    return urlAnswers[this.code] ?? { status, type: this.type, ...urlBody(message) };
  }
}
