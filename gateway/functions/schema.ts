import { z } from "zod";
import { cors, corsKeys } from "../routing/schema.ts";
import { isFunctionName } from "./names.ts";

/**
 * Names that Lambda sets itself (docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html). AWS also reserves
 * the three credential variables, because a role fills them there; esb has no roles, so a function that speaks to a
 * local S3 or DynamoDB has its credentials from here.
 */
export const reservedNames: readonly string[] = [
  "_HANDLER",
  "_X_AMZN_TRACE_ID",
  "AWS_DEFAULT_REGION",
  "AWS_REGION",
  "AWS_EXECUTION_ENV",
  "AWS_LAMBDA_FUNCTION_NAME",
  "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
  "AWS_LAMBDA_FUNCTION_TIMEOUT",
  "AWS_LAMBDA_FUNCTION_VERSION",
  "AWS_LAMBDA_INITIALIZATION_TYPE",
  "AWS_LAMBDA_LOG_GROUP_NAME",
  "AWS_LAMBDA_LOG_STREAM_NAME",
  "AWS_LAMBDA_RUNTIME_API",
  "LAMBDA_TASK_ROOT",
  "LAMBDA_RUNTIME_DIR",
];

/** Of one function, as the pools can be asked for. */
const mostWorkers = 1000;
/** A year, as for IDLE_TIMEOUT_MINUTES. */
const mostIdleMinutes = 527_040;
/** What a timer of Node's can wait. */
const longestTimerMs = 2 ** 31 - 1;

const integer = (least: number, most: number, unit: string) => {
  const expected = `must be a whole number of ${unit}; expected ${least} to ${most}`;
  return z.number(expected).int(expected).min(least, expected).max(most, expected);
};

const text = (expected: string) => z.string(expected).min(1, expected);

const environmentValue = z
  .union([z.string(), z.number(), z.boolean()], "must be one value; expected a string, a number or a boolean")
  .transform(String)
  .refine((value) => !value.includes("\0"), "must not contain a NUL character");

const environmentName = z
  .string()
  .refine(
    (name) => !reservedNames.includes(name),
    `is set by Lambda itself; expected a name other than ${reservedNames.join(", ")}`,
  )
  .regex(/^[a-zA-Z][a-zA-Z0-9_]+$/, "is not a name Lambda allows; expected a letter, then letters, digits and _");

const workers = (least: number) => integer(least, mostWorkers, "workers").exactOptional();

const concurrency = z.strictObject(
  { min: workers(0), max: workers(1), reserved: workers(0) },
  "must be a map; expected min, max or reserved, such as { max: 10 }",
);

const destroyAfterMinutes = `must be a number of minutes; expected more than 0, at most ${mostIdleMinutes}`;

const idle = z.strictObject(
  {
    freezeAfterMs: integer(-1, longestTimerMs, "milliseconds").optional(),
    destroyAfterMinutes: z
      .number(destroyAfterMinutes)
      .gt(0, destroyAfterMinutes)
      .max(mostIdleMinutes, destroyAfterMinutes)
      .optional(),
  },
  "must be a map; expected freezeAfterMs or destroyAfterMinutes, such as { freezeAfterMs: 1000 }",
);

const shared = {
  timeout: integer(1, 900, "seconds").optional(),
  memory: integer(128, 10_240, "MiB").optional(),
  tmp: integer(512, 10_240, "MiB").optional(),
  pullPolicy: z.enum(["if-not-present", "always", "never"], "must be one of if-not-present, always, never").optional(),
  environment: z.record(environmentName, environmentValue, "must be a map; expected NAME: value lines").optional(),
  concurrency: concurrency.optional(),
  idle: idle.optional(),
};

const command = z.array(text("must be text"), "must be a list; expected the command and its arguments, each an item");

const url = z.strictObject(
  {
    auth: z.enum(["NONE", "AWS_IAM"], "must be one of NONE, AWS_IAM"),
    invokeMode: z.enum(["BUFFERED", "RESPONSE_STREAM"], "must be one of BUFFERED, RESPONSE_STREAM").optional(),
    cors: cors.optional(),
  },
  "must be a map; expected at least auth: NONE or auth: AWS_IAM",
);

const functionSchema = z.strictObject(
  {
    ...shared,
    image: text("must be an image reference, such as localhost/hello:latest"),
    command: command.min(1, "must have at least one item; leave it out for the image's own").optional(),
    handler: text("must be text, such as app.handler").optional(),
    runtime: z
      .enum(
        ["api", "emulator", "http"],
        "must be one of api, emulator, http (which of AWS's runtimes it is, the image itself says)",
      )
      .optional(),
    url: url.optional(),
  },
  "must be a map; expected at least image: <reference>",
);

const functionName = z
  .string()
  .refine(isFunctionName, "is not a function name; expected at most 64 letters and digits, joined by single - or _");

/** functions.yml, with variables already filled in. */
export const fileSchema = z.strictObject(
  {
    defaults: z.strictObject(shared, "must be a map; expected defaults such as timeout: 30").nullish(),
    functions: z
      .record(functionName, functionSchema, "must be a map of functions; expected <name>: { image: <reference> }")
      .nullable(),
  },
  "must be a map; expected functions: and, if wanted, defaults:",
);

/** What is known at each depth, for messages about what is not. */
export const knownKeys = {
  file: ["functions", "defaults"],
  defaults: Object.keys(shared),
  function: ["image", "command", "handler", "runtime", "url", ...Object.keys(shared)],
  concurrency: Object.keys(concurrency.shape),
  idle: Object.keys(idle.shape),
  url: Object.keys(url.shape),
  cors: corsKeys,
} as const satisfies Record<string, readonly string[]>;

export type FunctionsFile = z.output<typeof fileSchema>;
