import { ApiError, type ApiErrorCode, apiErrorCodes } from "../apigateway/errors.ts";
import { lambdaErrorsByStatus } from "../http/errors.ts";
import type { PayloadFormat, RouteAuth } from "../routing/definition.ts";
import type { Answer, Answers, Examples, Header } from "./model.ts";
import { answers, toSchema } from "./schemas.ts";

/** Answers of API Gateway's that concern no route, or HTTP itself rather than the API. */
const notOfRoutes: readonly ApiErrorCode[] = [
  "NO_ROUTE",
  "REQUEST_TIMEOUT",
  "TARGET_TOO_LONG",
  "EXPECTATION_FAILED",
  "HEAD_TOO_LARGE",
];

/** Who is refused with what. */
const refusals: Readonly<Record<RouteAuth, readonly ApiErrorCode[]>> = {
  jwt: ["UNAUTHORIZED"],
  "api-key": ["FORBIDDEN"],
  none: [],
};

const ofRoutes = apiErrorCodes.filter((code) => !notOfRoutes.includes(code));
const name = { "1.0": "RestApi", "2.0": "HttpApi" } as const;

/** What the document says once and its operations refer to. */
export function sharedAnswers(): Readonly<Record<string, Answer>> {
  const ofApis = (["1.0", "2.0"] as const).flatMap((payload) =>
    [...codesByStatus(payload, ofRoutes)].map(
      ([status, codes]) => [`${name[payload]}${status}`, apiAnswer(payload, status, codes)] as const,
    ),
  );
  const ofLambda = [...lambdaErrorsByStatus()].map(
    ([status, names]) => [`Lambda${status}`, lambdaAnswer(status, [...names])] as const,
  );
  return Object.fromEntries([...ofApis, ...ofLambda]);
}

/** What API Gateway itself may answer to requests of routes with each `auth`. */
export function answersOfApi(payload: PayloadFormat): Readonly<Record<RouteAuth, Answers>> {
  const others = Object.values(refusals).flat();
  const withRefusals = (refused: readonly ApiErrorCode[]) => {
    const codes = ofRoutes.filter((code) => refused.includes(code) || !others.includes(code));
    return referTo(name[payload], codesByStatus(payload, codes).keys());
  };
  return {
    jwt: withRefusals(refusals.jwt),
    "api-key": withRefusals(refusals["api-key"]),
    none: withRefusals(refusals.none),
  };
}

/** What Lambda's API answers when it does not invoke. */
export function answersOfLambda(): Answers {
  return referTo("Lambda", lambdaErrorsByStatus().keys());
}

function referTo(prefix: string, statuses: Iterable<number>): Answers {
  return Object.fromEntries(
    [...statuses].map((status) => [String(status), { $ref: `#/components/responses/${prefix}${status}` }]),
  );
}

function codesByStatus(payload: PayloadFormat, codes: readonly ApiErrorCode[]): ReadonlyMap<number, ApiErrorCode[]> {
  return Map.groupBy(codes, (code) => new ApiError(code, "").status(payload));
}

function apiAnswer(payload: PayloadFormat, status: number, codes: readonly ApiErrorCode[]): Answer {
  const bodies = codes.map((code) => [code, JSON.parse(new ApiError(code, "").body(payload))] as const);
  const examples: Examples = Object.fromEntries(bodies.map(([code, value]) => [code, { value }]));
  return {
    description: [...new Set(bodies.map(([, { message }]) => message))].join(", or: "),
    ...retryHeader(status),
    content: { "application/json": { schema: { $ref: "#/components/schemas/Message" }, examples } },
  };
}

function lambdaAnswer(status: number, names: readonly string[]): Answer {
  return {
    description: names.join(", "),
    headers: {
      "x-amzn-errortype": { description: "The error's name.", schema: { type: "string", enum: names } },
      ...retryHeader(status).headers,
    },
    content: { "application/json": { schema: { $ref: "#/components/schemas/LambdaError" } } },
  };
}

/** Of answers that may be others a little later. */
export function retryHeader(status: number): { readonly headers?: Record<string, Header> } {
  if (status !== 429 && status !== 503) return {};
  return { headers: { "retry-after": { description: "Seconds.", schema: { type: "integer" } } } };
}

/** What the answers above refer to. */
export const sharedSchemas = { Message: toSchema(answers.message), LambdaError: toSchema(answers.lambdaError) };
