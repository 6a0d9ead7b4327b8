import { z } from "zod";
import { Driver, type FollowLogsRequest, type LogsRequest, PullPolicy } from "../../proto/gen/esb/agent/v1/agent.ts";
import { AgentError } from "../errors.ts";
import type { LogPosition } from "../logs/files.ts";
import type { LogRequest } from "../logs/read.ts";
import type { EnsureRequest } from "../workers/ensure.ts";
import type { Driver as WorkerDriver } from "../workers/runtime.ts";
import type { WorkerReference } from "../workers/service.ts";

/** Fields are named as in agent.proto, since that is what a client's author reads. */

const mebibyte = 1024 * 1024;
/** A message goes back in HTTP/2 headers, where there is little room. */
const mostProblems = 10;
/** containerd's rule for ids; see github.com/containerd/containerd, identifiers/validate.go. */
const joinedWords = /^[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*$/;

const functionName = z
  .string()
  .max(64, "must have at most 64 characters")
  .regex(joinedWords, "must be letters and digits, joined by single - or _");
const workerId = z
  .string()
  .regex(
    /^(?=.{1,64}-\d{1,4}(?:\.|$))[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*-\d{1,4}(?:\.[0-9a-f]{6})?$/,
    "must be <function>-<slot>, with .<owner's tag> behind it for another owner than gateway",
  );
const noNul = (text: string) => !text.includes("\0");
const word = z.string().max(32_768, "must have at most 32768 characters").refine(noNul, "must not contain NUL");

const whole = (least: number, most: number) =>
  z.number().refine((value) => value >= least && value <= most, `must be from ${least} to ${most}`);

const functionSpec = z
  .object({
    name: functionName,
    image: z
      .string()
      .min(1, "is required")
      .max(1024, "must have at most 1024 characters")
      .regex(/^[\x20-\x7e]*$/, "must be printable ASCII"),
    command: z.array(word).max(1024, "must have at most 1024 words"),
    environment: z.record(
      z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be a name of letters, digits and _, not beginning with a digit"),
      word,
    ),
    memoryMib: whole(128, 10_240),
    timeoutMs: whole(1, 900_000),
    tmpMib: z
      .number()
      .refine((value) => value === 0 || (value >= 512 && value <= 10_240), "must be 0 or from 512 to 10240"),
    pullPolicy: z
      .enum(PullPolicy, "must be one of PullPolicy's values")
      .refine((value) => value !== PullPolicy.UNRECOGNIZED, "must be one of PullPolicy's values"),
    handler: word,
    driver: z
      .enum(Driver, "must be one of Driver's values")
      .refine((value) => value !== Driver.UNRECOGNIZED, "must be one of Driver's values"),
  })
  .transform(({ memoryMib, tmpMib, pullPolicy, driver, ...rest }) => ({
    ...rest,
    memoryBytes: memoryMib * mebibyte,
    tmpBytes: (tmpMib === 0 ? 512 : tmpMib) * mebibyte,
    pullPolicy: pullPolicies[pullPolicy] ?? "if-not-present",
    ...(drivers[driver] === undefined ? {} : { driver: drivers[driver] }),
  }));

const drivers: Partial<Record<Driver, WorkerDriver>> = {
  [Driver.HTTP]: "http",
  [Driver.EMULATOR]: "emulator",
  [Driver.RUNTIME_API]: "runtime-api",
};

const pullPolicies: Partial<Record<PullPolicy, "if-not-present" | "always" | "never">> = {
  [PullPolicy.ALWAYS]: "always",
  [PullPolicy.NEVER]: "never",
};

const owner = z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, "must be 1 to 64 letters, digits, -, _ or .");

const ensureRequest = z.object({
  function: functionSpec,
  slot: whole(0, 9999),
  owner,
  lambdaApiPort: whole(0, 65_535),
});

const reference = z
  .object({
    workerId,
    instanceId: z.string().regex(/^[A-Za-z0-9-]{0,64}$/, "must be at most 64 letters, digits and -"),
  })
  .transform(({ workerId: id, instanceId }) => ({ id, instanceId: instanceId === "" ? undefined : instanceId }));

const graceMs = whole(0, 900_000).optional();

/** With the port at which the caller serves its workers; 0: it does not. */
export const parseEnsureRequest = (message: unknown): EnsureRequest & { readonly lambdaApiPort: number } =>
  parse(ensureRequest, message);

export const parseReference = (message: unknown): WorkerReference => parse(reference, message);

/** Whose log is asked for, and which of its lines: of these, every value has its meaning. */
export const parseLogsRequest = (message: LogsRequest): WorkerReference & LogRequest => {
  const { follow, tailLines, sinceNs } = message;
  return { ...parse(reference, message), follow, tailLines, sinceNs };
};

/** Whose logs are followed, and from where; what an instance's position says that is none of its log's finds nothing there. */
export const parseFollowLogsRequest = (message: FollowLogsRequest) => {
  const positions = new Map<string, LogPosition>();
  for (const { instanceId, file, offset } of message.positions) {
    positions.set(instanceId, { number: Number(file), offset: Number(offset) });
  }
  return { ...parse(z.object({ owner }), message), positions, sinceNs: message.sinceNs };
};

export const parseWorkerId = (message: { workerId: string }): string => parse(z.object({ workerId }), message).workerId;

export const parseGraceMs = (message: { graceMs?: number | undefined }): number | undefined =>
  parse(z.object({ graceMs }), message).graceMs;

/** The owner whose workers are asked for; undefined: everybody's. */
export const parseOwner = (message: { owner: string }): string | undefined =>
  message.owner === "" ? undefined : parse(z.object({ owner }), message).owner;

/** For a field that only the work itself can judge, an image reference: its refusal is told with the field's name. */
export async function naming<T>(field: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof AgentError) || error.code !== "INVALID_REQUEST") throw error;
    throw new AgentError("INVALID_REQUEST", `${field}: ${error.message}`, { cause: error });
  }
}

function parse<T extends z.ZodType>(schema: T, message: unknown): z.output<T> {
  const parsed = schema.safeParse(message);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${fieldName(issue.path)}: ${problemOf(issue)}`);
  const more = problems.length > mostProblems ? [`and ${problems.length - mostProblems} more`] : [];
  throw new AgentError("INVALID_REQUEST", [...problems.slice(0, mostProblems), ...more].join("; "));
}

function problemOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type") return "is required";
  // What is wrong with a map's key stands one level below.
  return issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message;
}

/** A path such as `function.environment["A B"]`: fields in the contract's spelling, keys and indices as they came. */
function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => {
      const inMap = path[index - 1] === "environment";
      if (inMap) return `[${JSON.stringify(String(part).slice(0, 100))}]`;
      if (typeof part === "number") return `[${part}]`;
      return `.${String(part).replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
    })
    .join("")
    .slice(1);
}
