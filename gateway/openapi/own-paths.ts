import type { z } from "zod";
import { signInBody } from "../auth/sign-in/sign-in.ts";
import { invocationTypes, logTypes } from "../lambda/request.ts";
import { answersOfLambda, retryHeader } from "./answers.ts";
import type { Answer, Operation, Paths, Security } from "./model.ts";
import { answers, toSchema } from "./schemas.ts";

/** What of esb's own API is there depends on its settings. */
export interface OwnApi {
  /** Who may call Lambda's API; undefined: no client. */
  readonly lambda: Security | undefined;
  /** Whether esb signs tokens itself. */
  readonly signsTokens: boolean;
}

export const ownTag = "esb";
const open: Security = [];
const text = { type: "string" } as const;

/** The paths that esb answers itself. */
export function ownPaths({ lambda, signsTokens }: OwnApi): Paths {
  return {
    ...(signsTokens ? { "/user/auth/ver1.0": { post: signIn } } : {}),
    ...(lambda === undefined ? {} : { "/2015-03-31/functions/{name}/invocations": { post: invoke(lambda) } }),
    "/.well-known/jwks.json": {
      get: read("Keys that tokens are verified with (RFC 7517)", { 200: json("The public keys.", answers.keys) }),
    },
    "/health": { get: read("Whether the gateway is alive", { 200: json("It is.", answers.health) }) },
    "/ready": {
      get: read("Whether the gateway can serve", {
        200: json("It can.", answers.ready),
        503: json("It cannot.", answers.ready),
      }),
    },
    "/metrics": {
      get: read("Metrics", {
        200: { description: "In Prometheus's text format.", content: { "text/plain": { schema: text } } },
      }),
    },
  };
}

function read(summary: string, responses: Record<number, Answer>): Operation {
  return { tags: [ownTag], summary, security: open, responses };
}

function json(description: string, schema: z.ZodType): Answer {
  return { description, content: { "application/json": { schema: toSchema(schema) } } };
}

const signIn: Operation = {
  tags: [ownTag],
  summary: "A token for a user's name and password",
  security: [{ apiKey: [] }],
  requestBody: { required: true, content: { "application/json": { schema: toSchema(signInBody) } } },
  responses: {
    200: json("The token.", answers.token),
    400: json("The body is not as it should be.", answers.message),
    401: json("API key, user or password is wrong or missing.", answers.message),
    429: { ...json("Too many attempts.", answers.message), ...retryHeader(429) },
  },
};

/** Lambda's Invoke (docs.aws.amazon.com/lambda/latest/api/API_Invoke.html). */
function invoke(security: Security): Operation {
  return {
    tags: [ownTag],
    summary: "Invokes a function, as Lambda's Invoke",
    security,
    parameters: [
      { name: "name", in: "path", required: true, description: "Name or ARN of the function.", schema: text },
      { name: "Qualifier", in: "query", description: "Version or alias.", schema: text },
      { name: "X-Amz-Invocation-Type", in: "header", schema: { ...text, enum: invocationTypes } },
      { name: "X-Amz-Log-Type", in: "header", schema: { ...text, enum: logTypes } },
      { name: "X-Amz-Client-Context", in: "header", description: "JSON in base64.", schema: text },
    ],
    requestBody: { required: false, content: { "application/json": { schema: true } } },
    responses: {
      200: {
        description: "What the function answered, or, with x-amz-function-error, its error.",
        headers: {
          "x-amz-executed-version": { description: "The function's version.", schema: text },
          "x-amz-function-error": { description: "There when the function failed.", schema: text },
          "x-amz-log-result": { description: "With Tail: the end of the log, in base64.", schema: text },
        },
        content: { "application/json": { schema: true } },
      },
      202: { description: "Event: the function will be invoked." },
      204: { description: "DryRun: the function could be invoked." },
      ...answersOfLambda(),
    },
  };
}
