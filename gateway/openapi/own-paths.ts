import type { z } from "zod";
import { signInBody } from "../auth/sign-in/sign-in.ts";
import { retryHeader } from "./answers.ts";
import { lambdaPaths } from "./lambda-paths.ts";
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
    ...(lambda === undefined ? {} : lambdaPaths(lambda, ownTag)),
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
