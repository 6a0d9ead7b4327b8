import { z } from "zod";
import { invalid } from "./errors.ts";

/** Inputs of the operations, as far as they are read (the service's Smithy model, cloudwatch-logs.json). */

const groupName = z.string().regex(/^[.\-_/#A-Za-z0-9]{1,512}$/, "must be 1 to 512 letters, digits and . - _ / #");
const streamName = z.string().regex(/^[^:*]{1,512}$/, "must be 1 to 512 characters, no colon and no asterisk");
const time = z.number().int().min(0).optional();
const token = z.string().min(1).optional();
const limit = (most: number) => z.number().int().min(1).max(most).default(most);

/** A group by its name, or by its ARN as `…Identifier`. */
const group = z
  .object({ logGroupName: groupName.optional(), logGroupIdentifier: z.string().optional() })
  .transform(({ logGroupName, logGroupIdentifier }, context) => {
    const named = logGroupName ?? logGroupIdentifier?.replace(/^arn:[^:]*:logs:[^:]*:[^:]*:log-group:/, "");
    const parsed = groupName.safeParse(named?.replace(/:\*$/, ""));
    if (parsed.success) return parsed.data;
    context.addIssue({ code: "custom", message: "must be a log group", path: ["logGroupName"] });
    return z.NEVER;
  });

/** CloudWatch's own list. */
const retentions = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

export const inputs = {
  createGroup: z.object({ logGroupName: groupName }),
  group: z.object({ logGroupName: groupName }),
  stream: z.object({ logGroupName: groupName, logStreamName: streamName }),
  retention: z.object({
    logGroupName: groupName,
    retentionInDays: z.number().refine((days) => retentions.includes(days), `must be one of ${retentions.join(", ")}`),
  }),
  put: z.object({
    logGroupName: groupName,
    logStreamName: streamName,
    logEvents: z
      .array(z.object({ timestamp: z.number().int().min(0), message: z.string().min(1) }))
      .min(1)
      .max(10_000),
  }),
  describeGroups: z.object({
    logGroupNamePrefix: z.string().optional(),
    logGroupNamePattern: z.string().optional(),
    limit: limit(50),
    nextToken: token,
  }),
  describeStreams: z
    .object({
      logStreamNamePrefix: z.string().optional(),
      orderBy: z.enum(["LogStreamName", "LastEventTime"]).default("LogStreamName"),
      descending: z.boolean().default(false),
      limit: limit(50),
      nextToken: token,
    })
    .and(group.transform((name) => ({ group: name }))),
  getEvents: z
    .object({
      logStreamName: streamName,
      startTime: time,
      endTime: time,
      limit: limit(10_000),
      startFromHead: z.boolean().default(false),
      nextToken: token,
    })
    .and(group.transform((name) => ({ group: name }))),
  filterEvents: z
    .object({
      logStreamNames: z.array(streamName).min(1).max(100).optional(),
      logStreamNamePrefix: streamName.optional(),
      startTime: time,
      endTime: time,
      filterPattern: z.string().max(1024).default(""),
      limit: limit(10_000),
      nextToken: token,
    })
    .and(group.transform((name) => ({ group: name }))),
};

/** @throws LogsError InvalidParameterException that names each wrong member */
export function parseInput<T extends z.ZodType>(schema: T, input: unknown): z.output<T> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const told = issues.slice(0, 5).map(({ path, message }) => `Value at '${path.join(".")}' is not valid: ${message}`);
  throw invalid(`${issues.length} validation error${issues.length > 1 ? "s" : ""} detected: ${told.join("; ")}`);
}
