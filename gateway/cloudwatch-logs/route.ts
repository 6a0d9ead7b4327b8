import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { LambdaError } from "../http/errors.ts";
import { admission, type CallerGate } from "../lambda/admission.ts";
import { LogsError, type LogsErrorName } from "./errors.ts";
import type { LogsCaller, LogsOperations } from "./operations.ts";

export interface LogsRouteOptions {
  readonly callers: CallerGate;
  readonly operations: LogsOperations;
  /** The worker with this address and this token. @throws LambdaError */
  readonly callerOf: (request: FastifyRequest) => LogsCaller;
  /** Told of each call, before it is carried out. */
  readonly introduce: (caller: LogsCaller, input: unknown) => void;
  /** Told of errors that are ours. */
  readonly onError: (error: unknown, requestId: string) => void;
}

const target = /^Logs_20140328\.(\w{1,64})$/;
const mediaType = "application/x-amz-json-1.1";

/** CloudWatch Logs by the AWS JSON 1.1 protocol (smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html). */
export function addLogsRoute(app: FastifyInstance, options: LogsRouteOptions): void {
  const { callers, operations, callerOf, introduce, onError } = options;
  app.post("/", {
    ...admission(app, callers),
    errorHandler: (error, request, reply) => {
      const told = toLogsError(error);
      if (told.status === 500) onError(error, request.id);
      void answer(reply.code(told.status), request.id, told.body());
    },
    async handler(request, reply) {
      const operation = operationOf(request, operations);
      const [caller, input] = [callerOf(request), inputOf(request.body)];
      introduce(caller, input);
      const output = await operation(input, caller);
      return answer(reply, request.id, JSON.stringify(output ?? {}));
    },
  });
}

/** As bytes, of which fastify does not say in which charset they are. */
function answer(reply: FastifyReply, requestId: string, body: string): FastifyReply {
  return reply.headers({ "content-type": mediaType, "x-amzn-requestid": requestId }).send(Buffer.from(body));
}

function operationOf({ headers }: FastifyRequest, operations: LogsOperations) {
  const [, name = ""] = target.exec(String(headers["x-amz-target"])) ?? [];
  if (!Object.hasOwn(operations, name)) {
    throw new LogsError("UnknownOperationException", `There is no operation ${name} of CloudWatch Logs here`);
  }
  return operations[name as keyof LogsOperations] as (input: unknown, caller: LogsCaller) => unknown;
}

function inputOf(body: unknown): unknown {
  try {
    return JSON.parse(Buffer.isBuffer(body) ? body.toString() : "{}");
  } catch (error) {
    throw new LogsError("SerializationException", "The request is not JSON", error);
  }
}

/** Who calls is refused in Lambda's words; the service's own SDK knows the same names. */
const names: Partial<Record<string, LogsErrorName>> = {
  UnrecognizedClientException: "UnrecognizedClientException",
  MissingAuthenticationTokenException: "MissingAuthenticationTokenException",
};

function toLogsError(error: unknown): LogsError {
  if (error instanceof LogsError) return error;
  if (error instanceof LambdaError && names[error.name] !== undefined) {
    return new LogsError(names[error.name] ?? "InternalFailure", error.message, error);
  }
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE")
    return new LogsError("InvalidParameterException", "The request is too large");
  return new LogsError("InternalFailure", "The request could not be processed", error);
}
