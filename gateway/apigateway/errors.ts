import type { PayloadFormat } from "../routing/definition.ts";

/**
 * What API Gateway answers by itself: status and message, which differ between REST APIs (payload 1.0) and HTTP APIs (2.0)
 * (docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html; HTTP APIs have no such list,
 * their words are those of the service).
 */
const apiErrors = {
  BAD_REQUEST: { "1.0": [400, "Bad Request"], "2.0": [400, "Bad Request"] },
  UNAUTHORIZED: { "1.0": [401, "Unauthorized"], "2.0": [401, "Unauthorized"] },
  /** An API key that is missing or wrong. */
  FORBIDDEN: { "1.0": [403, "Forbidden"], "2.0": [403, "Forbidden"] },
  NO_ROUTE: { "1.0": [403, "Missing Authentication Token"], "2.0": [404, "Not Found"] },
  REQUEST_TOO_LARGE: { "1.0": [413, "Request Too Long"], "2.0": [413, "Request Entity Too Large"] },
  THROTTLED: { "1.0": [429, "Too Many Requests"], "2.0": [429, "Too Many Requests"] },
  /** The function failed or answered what is no answer. */
  INTEGRATION_FAILURE: { "1.0": [502, "Internal server error"], "2.0": [500, "Internal Server Error"] },
  INTEGRATION_TIMEOUT: { "1.0": [504, "Endpoint request timed out"], "2.0": [503, "Service Unavailable"] },
  UNAVAILABLE: { "1.0": [503, "Service Unavailable"], "2.0": [503, "Service Unavailable"] },
  INTERNAL: { "1.0": [500, "Internal server error"], "2.0": [500, "Internal Server Error"] },
} as const satisfies Record<string, Record<PayloadFormat, readonly [status: number, message: string]>>;

export type ApiErrorCode = keyof typeof apiErrors;

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

  status(payload: PayloadFormat): number {
    return apiErrors[this.code][payload][0];
  }

  /** The body as API Gateway shapes it. */
  body(payload: PayloadFormat): string {
    return JSON.stringify({ message: apiErrors[this.code][payload][1] });
  }
}
