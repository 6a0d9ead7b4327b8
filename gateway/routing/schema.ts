import { z } from "zod";
import { methods } from "./definition.ts";

/** The longest that a function may run; API Gateway's own limits are lower, and can be raised there too. */
const longestTimeoutMs = 900_000;
/** As API Gateway has it. */
const shortestTimeoutMs = 50;
/** A day, as HTTP APIs have it. */
const longestMaxAgeSeconds = 86_400;

const integer = (least: number, most: number, unit: string) => {
  const expected = `must be a whole number of ${unit}; expected ${least} to ${most}`;
  return z.number(expected).int(expected).min(least, expected).max(most, expected);
};
const text = (expected: string) => z.string(expected).min(1, expected);
const texts = (expected: string) => z.array(text(expected), expected);

const someMethod = `expected ${methods.join(", ")}, in capitals`;
const methodName = z.enum(methods, `must be a method; ${someMethod}`);

const anyMethods = `must be a method, ANY or a list of different methods; ${someMethod}`;
const methodList = z
  .array(methodName)
  .min(1, anyMethods)
  .refine((names) => new Set(names).size === names.length, anyMethods);
const method = z.union([z.literal("ANY"), methodName, methodList], anyMethods);

const origin = z
  .string("must be an origin, such as https://example.com")
  .regex(
    /^(?:\*|null|[a-z][a-z0-9+.-]*:\/\/(?:\*\.)?[^\s/*?#,@]+|https?:\/\/\*)$/i,
    "must be an origin without a path, such as https://example.com, https://*.example.com or *",
  );
const headerName = z
  .string("must be a header's name")
  .regex(/^(?:\*|[!#$%&'*+.^_`|~A-Za-z0-9-]+)$/, "must be a header's name, or *");
const list = <T extends z.ZodType>(item: T, what: string) => z.array(item, `must be a list of ${what}`);

/** As HTTP APIs have it (docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid.html, Cors). */
const corsObject = z.strictObject({
  allowOrigins: list(origin, "origins").min(1, "must have at least one origin").exactOptional(),
  allowMethods: list(
    z.union([z.literal("*"), methodName], `must be * or a method; ${someMethod}`),
    "methods",
  ).exactOptional(),
  allowHeaders: list(headerName, "headers' names").exactOptional(),
  exposeHeaders: list(headerName, "headers' names").exactOptional(),
  allowCredentials: z.boolean("must be true or false").exactOptional(),
  maxAge: integer(0, longestMaxAgeSeconds, "seconds").exactOptional(),
});
export type CorsObject = z.output<typeof corsObject>;
export const corsKeys: readonly string[] = Object.keys(corsObject.shape);

/** Also of a function URL. */
export const cors = z.union(
  [z.boolean(), corsObject],
  "must be true, false or a map; expected keys such as allowOrigins: [https://example.com]",
);

const stageName = z
  .string("must be a stage's name")
  .regex(
    /^(?:\$default|[A-Za-z0-9_-]{1,128})$/,
    "must be a stage's name; expected letters, digits, _ and -, or $default",
  );

const mediaType = z
  .string("must be a media type, such as image/png")
  .regex(/^[^\s/;]+\/[^\s/;]+$/, "must be a media type, such as image/png, image/* or */*");

const payload = z
  .enum(["1.0", "1", "2.0", "2"], 'must be "1.0" (as of REST APIs) or "2.0" (as of HTTP APIs)')
  .transform((given) => (given.startsWith("1") ? "1.0" : "2.0"));

const shared = {
  auth: z.enum(["jwt", "none", "api-key"], "must be one of jwt, none, api-key").optional(),
  payload: payload.optional(),
  cors: cors.optional(),
  timeoutMs: integer(shortestTimeoutMs, longestTimeoutMs, "milliseconds").optional(),
  stage: stageName.optional(),
  binaryMediaTypes: list(mediaType, "media types").optional(),
  tags: texts("must be a list of words").optional(),
};

const schemaMap = "must be a JSON Schema, or a map from media types to JSON Schemas";
const jsonSchema = z.union([z.boolean(), z.record(z.string(), z.unknown())], schemaMap);
const bodySchemas = z
  .record(z.string(), z.unknown(), schemaMap)
  .transform((given): Record<string, unknown> => {
    const keys = Object.keys(given);
    const byMediaType = keys.length > 0 && keys.every((key) => mediaType.safeParse(key).success);
    return byMediaType ? given : { "application/json": given };
  })
  .pipe(z.record(z.string(), jsonSchema));

const route = z.strictObject(
  {
    path: text("must be a path template, such as /users/{id}"),
    method,
    function: text("must be a function's name"),
    ...shared,
    summary: text("must be text").optional(),
    description: text("must be text").optional(),
    request: bodySchemas.optional(),
    response: bodySchemas.optional(),
  },
  'must be a map; expected { path: "/users/{id}", method: GET, function: <name> }',
);

const variableValue = z
  .union([z.string(), z.number(), z.boolean()], "must be one value; expected a string, a number or a boolean")
  .transform(String);
const variableName = z.string().regex(/^\w+$/, "is not a variable's name; expected letters, digits and _");

/** routing.yml, with variables already filled in. */
export const fileSchema = z.strictObject(
  {
    defaults: z.strictObject(shared, "must be a map; expected defaults such as auth: none").nullish(),
    stages: z
      .record(
        stageName,
        z.record(variableName, variableValue, "must be a map; expected NAME: value lines").nullable(),
        "must be a map; expected <stage>: { NAME: value }",
      )
      .nullish(),
    routes: z.array(route, "must be a list of routes; expected - { path, method, function } lines").nullable(),
  },
  "must be a map; expected routes: and, if wanted, defaults: and stages:",
);

/** What is known at each depth, for messages about what is not. */
export const knownKeys = {
  file: Object.keys(fileSchema.shape),
  defaults: Object.keys(shared),
  route: Object.keys(route.shape),
  cors: corsKeys,
} as const satisfies Record<string, readonly string[]>;

export type RoutingFile = z.output<typeof fileSchema>;
export type RouteEntry = NonNullable<RoutingFile["routes"]>[number];
export type SharedKeys = NonNullable<RoutingFile["defaults"]>;
