import { z } from "zod";
import type { Schema } from "./model.ts";

const file = z.looseObject({ file: z.string(), count: z.int().min(0), error: z.string().optional() });
const part = z.looseObject({ available: z.boolean(), error: z.string().optional() });

/** What esb's own answers look like. */
export const answers = {
  health: z.object({ status: z.literal("ok") }),
  ready: z.looseObject({
    ready: z.boolean(),
    stopping: z.boolean().optional().describe("The gateway is going down."),
    agent: part,
    containerd: part.optional(),
    functions: file,
    routing: file.describe("`error` says why the file as it is now does not hold."),
  }),
  keys: z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string(), alg: z.string() })) }),
  token: z.object({ AuthenticationResult: z.object({ IdToken: z.string().describe("A JWT.") }) }),
  message: z.object({ message: z.string() }),
  /** AWS spells the message in both ways. */
  lambdaError: z.object({
    Type: z.enum(["User", "Server"]).optional().describe("Whose fault it is."),
    message: z.string().optional(),
    Message: z.string().optional(),
  }),
};

/** A schema of ours as what clients send, which has the same JSON as what we answer. */
export function toSchema(schema: z.ZodType): Schema {
  // OpenAPI 3.1 has the dialect in one place, for all schemas.
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: "input" });
  return rest;
}
