import { AgentCallError, type AgentErrorCode } from "../agent/errors.ts";
import { StartsSuspended } from "../breaker/suspended.ts";
import { Refusal, type RefusalReason } from "../pool/errors.ts";
import { RateExceeded } from "./rate-limit.ts";

/**
 * The errors of Lambda's API that we use: HTTP status, whose fault, and how the message member is spelt, which AWS does
 * in both ways (docs.aws.amazon.com/lambda/latest/api/API_Invoke.html, errors; the SDKs' service model).
 */
const lambdaErrors = {
  ValidationException: { status: 400, type: undefined, member: "message" },
  // Who calls: docs.aws.amazon.com/lambda/latest/api/CommonErrors.html.
  MissingAuthenticationTokenException: { status: 403, type: undefined, member: "message" },
  IncompleteSignatureException: { status: 403, type: undefined, member: "message" },
  InvalidSignatureException: { status: 403, type: undefined, member: "message" },
  UnrecognizedClientException: { status: 403, type: undefined, member: "message" },
  ExpiredTokenException: { status: 403, type: undefined, member: "message" },
  AccessDeniedException: { status: 403, type: undefined, member: "Message" },
  InvalidRequestContentException: { status: 400, type: "User", member: "message" },
  InvalidParameterValueException: { status: 400, type: "User", member: "message" },
  ResourceNotFoundException: { status: 404, type: "User", member: "Message" },
  RequestTooLargeException: { status: 413, type: "User", member: "message" },
  RecursiveInvocationException: { status: 400, type: "User", member: "Message" },
  UnsupportedMediaTypeException: { status: 415, type: "User", member: "message" },
  TooManyRequestsException: { status: 429, type: "User", member: "message" },
  InvalidRuntimeException: { status: 502, type: "User", member: "Message" },
  NoPublishedVersionException: { status: 400, type: "User", member: "Message" },
  SubnetIPAddressLimitReachedException: { status: 502, type: "Server", member: "Message" },
  EC2UnexpectedException: { status: 502, type: "Server", member: "Message" },
  ServiceException: { status: 500, type: "Server", member: "Message" },
} as const;

export type LambdaErrorName = keyof typeof lambdaErrors;

/** Why a request was throttled (docs.aws.amazon.com/lambda/latest/api/API_Invoke.html, TooManyRequestsException). */
export type ThrottleReason =
  | "ReservedFunctionConcurrentInvocationLimitExceeded"
  | "ConcurrentInvocationLimitExceeded"
  | "FunctionInvocationRateLimitExceeded"
  | "CallerRateLimitExceeded";

export interface LambdaErrorOptions {
  /** In place of the name's usual status. */
  readonly status?: number;
  readonly retryAfterSeconds?: number;
  /** Of a TooManyRequestsException. */
  readonly reason?: ThrottleReason;
  readonly cause?: unknown;
}

/** An answer of Lambda's API that is an error. */
export class LambdaError extends Error {
  override readonly name: LambdaErrorName;
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  readonly reason: ThrottleReason | undefined;

  constructor(name: LambdaErrorName, message: string, options: LambdaErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = name;
    this.status = options.status ?? lambdaErrors[name].status;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.reason = options.reason;
  }

  /** The body as AWS shapes it. */
  body(): string {
    const { type, member } = lambdaErrors[this.name];
    const reason = this.reason === undefined ? {} : { Reason: this.reason };
    return JSON.stringify({ ...reason, ...(type === undefined ? {} : { Type: type }), [member]: this.message });
  }
}

const unavailable = { name: "ServiceException", status: 503, retryAfterSeconds: 1 } as const;
const badFunction = { name: "InvalidRuntimeException" } as const;

/** What a client is told when the agent could not give the function a worker. */
const agentErrors: Readonly<Record<AgentErrorCode, LambdaErrorOptions & { readonly name: LambdaErrorName }>> = {
  INVALID_REQUEST: badFunction,
  IMAGE_NOT_FOUND: badFunction,
  IMAGE_INVALID: badFunction,
  IMAGE_PULL_FAILED: { name: "ServiceException", status: 503, retryAfterSeconds: 5 },
  WORKER_START_FAILED: badFunction,
  WORKER_EXITED: badFunction,
  WORKER_OUT_OF_MEMORY: badFunction,
  WORKER_NOT_READY: badFunction,
  // Callers of Lambda's API are told the function's own error instead.
  WORKER_INIT_FAILED: badFunction,
  WORKER_NOT_FOUND: unavailable,
  WORKER_CONFLICT: unavailable,
  MEMORY_EXHAUSTED: {
    name: "TooManyRequestsException",
    retryAfterSeconds: 1,
    reason: "ConcurrentInvocationLimitExceeded",
  },
  HOST_EXHAUSTED: { name: "ServiceException", status: 503, retryAfterSeconds: 5 },
  NETWORK_FAILED: { name: "EC2UnexpectedException" },
  NETWORK_EXHAUSTED: { name: "SubnetIPAddressLimitReachedException", retryAfterSeconds: 5 },
  RUNTIME_UNAVAILABLE: unavailable,
  AGENT_UNAVAILABLE: unavailable,
  DEADLINE_EXCEEDED: unavailable,
  INTERNAL: { name: "ServiceException" },
  UNSPECIFIED: { name: "ServiceException" },
};

const functionThrottled = {
  name: "TooManyRequestsException",
  retryAfterSeconds: 1,
  reason: "ReservedFunctionConcurrentInvocationLimitExceeded",
} as const;

const refusals: Readonly<Record<RefusalReason, LambdaErrorOptions & { readonly name: LambdaErrorName }>> = {
  "queue-full": functionThrottled,
  "queue-timeout": functionThrottled,
  removed: { name: "ResourceNotFoundException" },
  // Nobody is there to read it.
  left: { name: "ServiceException", status: 499 },
};

/** What fastify itself refuses, by its code. */
const fastifyErrors: Readonly<Record<string, { readonly name: LambdaErrorName; readonly message: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    name: "RequestTooLargeException",
    message: "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    name: "InvalidRequestContentException",
    message: "Could not parse request body into json: the body is not as long as Content-Length says",
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    name: "UnsupportedMediaTypeException",
    message: "Content-Type is not a media type; expected application/json, or none",
  },
};

/** Every error that a client of Lambda's API can be told, by its status. */
export function lambdaErrorsByStatus(): ReadonlyMap<number, ReadonlySet<LambdaErrorName>> {
  const known: readonly (LambdaErrorOptions & { readonly name: LambdaErrorName })[] = [
    ...(Object.keys(lambdaErrors) as LambdaErrorName[]).map((name) => ({ name })),
    ...Object.values(agentErrors),
    // A worker is lost: gateway/lambda/invocation.ts.
    { name: "ServiceException", status: 502 },
    ...Object.entries(refusals).flatMap(([reason, told]) => (reason === "left" ? [] : [told])),
  ];
  const statuses = new Map<number, Set<LambdaErrorName>>();
  for (const { name, status = lambdaErrors[name].status } of known) {
    statuses.set(status, (statuses.get(status) ?? new Set()).add(name));
  }
  return statuses;
}

/** Any error as Lambda's API tells it; what is not meant for clients becomes a ServiceException without detail. */
export function toLambdaError(error: unknown): LambdaError {
  if (error instanceof LambdaError) return error;
  if (error instanceof AgentCallError) {
    const { name, ...options } = agentErrors[error.code];
    const message = name === "TooManyRequestsException" ? `Rate Exceeded: ${error.message}` : error.message;
    return new LambdaError(name, message, { ...options, cause: error });
  }
  if (error instanceof RateExceeded) {
    const { retryAfterSeconds } = error;
    const options = { retryAfterSeconds, reason: "CallerRateLimitExceeded", cause: error } as const;
    return new LambdaError("TooManyRequestsException", "Rate Exceeded.", options);
  }
  if (error instanceof Refusal) {
    const { name, ...options } = refusals[error.reason];
    return new LambdaError(name, error.reason.startsWith("queue") ? `Rate Exceeded: ${error.message}` : error.message, {
      ...options,
      cause: error,
    });
  }
  if (error instanceof StartsSuspended) {
    // What the last start failed with, as if it had been tried again.
    const { name, status, message, reason } = toLambdaError(error.cause);
    const retryAfterSeconds = Math.ceil(error.retryAfterMs / 1000);
    const options = { status, retryAfterSeconds, ...(reason === undefined ? {} : { reason }), cause: error };
    return new LambdaError(name, `${message} (${error.message})`, options);
  }
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const known = fastifyErrors[code];
  if (known !== undefined) return new LambdaError(known.name, known.message, { cause: error });
  return new LambdaError("ServiceException", "Service encountered an internal error", { cause: error });
}
