import { z } from "zod";
import { PullPolicy } from "../../proto/gen/esb/agent/v1/agent.ts";
import { AgentError } from "../errors.ts";
import type { EnsureRequest } from "../workers/ensure.ts";
import type { WorkerReference } from "../workers/service.ts";

/** Fields are named as in agent.proto, since that is what a client's author reads. */

const mebibyte = 1024 * 1024;
/** containerd's rule for ids; see github.com/containerd/containerd, identifiers/validate.go. */
const joinedWords = /^[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*$/;

const functionName = z
  .string()
  .max(64, "must have at most 64 characters")
  .regex(joinedWords, "must be letters and digits, joined by single - or _");
const workerId = z
  .string()
  .max(69, "must have at most 69 characters")
  .regex(/^[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*-\d{1,4}$/, "must be <function>-<slot>");
const noNul = (text: string) => !text.includes("\0");
const word = z.string().max(32_768, "must have at most 32768 characters").refine(noNul, "must not contain NUL");

const whole = (least: number, most: number) =>
  z.number().refine((value) => value >= least && value <= most, `must be from ${least} to ${most}`);

const functionSpec = z
  .object({
    name: functionName,
    image: z.string().min(1, "is required").max(1024, "must have at most 1024 characters"),
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
      .enum(PullPolicy)
      .refine((value) => value !== PullPolicy.UNRECOGNIZED, "must be one of PullPolicy's values"),
    handler: word,
  })
  .transform(({ memoryMib, tmpMib, pullPolicy, ...rest }) => ({
    ...rest,
    memoryBytes: memoryMib * mebibyte,
    tmpBytes: (tmpMib === 0 ? 512 : tmpMib) * mebibyte,
    pullPolicy: pullPolicies[pullPolicy] ?? "if-not-present",
  }));

const pullPolicies: Partial<Record<PullPolicy, "if-not-present" | "always" | "never">> = {
  [PullPolicy.ALWAYS]: "always",
  [PullPolicy.NEVER]: "never",
};

const ensureRequest = z.object({
  function: functionSpec,
  slot: whole(0, 9999),
  owner: z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, "must be 1 to 64 letters, digits, -, _ or ."),
});

const reference = z
  .object({ workerId, instanceId: z.string().max(64, "must have at most 64 characters") })
  .transform(({ workerId: id, instanceId }) => ({ id, instanceId: instanceId === "" ? undefined : instanceId }));

const graceMs = whole(0, 900_000).optional();

export const parseEnsureRequest = (message: unknown): EnsureRequest => parse(ensureRequest, message);

export const parseReference = (message: unknown): WorkerReference => parse(reference, message);

export const parseWorkerId = (message: { workerId: string }): string => parse(z.object({ workerId }), message).workerId;

export const parseGraceMs = (message: { graceMs?: number | undefined }): number | undefined =>
  parse(z.object({ graceMs }), message).graceMs;

function parse<T extends z.ZodType>(schema: T, message: unknown): z.output<T> {
  const parsed = schema.safeParse(message);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message: problem, code }) => {
    const field = path.map((part) => String(part).replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)).join(".");
    return `${field}: ${code === "invalid_type" ? "is required" : problem}`;
  });
  throw new AgentError("INVALID_REQUEST", problems.join("; "));
}
