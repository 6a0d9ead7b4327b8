import type { FunctionError } from "./answer.ts";

/** How much of a log Lambda returns, in bytes before base64. */
const mostBytes = 4096;

/** What is told of one invocation behind its own lines. */
export interface InvocationReport {
  readonly requestId: string;
  readonly durationMs: number;
  /** Only where the worker was made for it. */
  readonly initMs: number | undefined;
  readonly memoryMib: number;
  /** Undefined: not known. */
  readonly usedBytes: number | undefined;
  readonly failure: Pick<FunctionError, "errorType" | "errorMessage"> | undefined;
  /** What the function printed meanwhile. */
  readonly lines: readonly string[];
  /** When it ended, in milliseconds since 1970. */
  readonly endedMs: number;
}

/** What emulators print beside the function's own lines. */
const platformLine = /^(?:START|END|REPORT) RequestId: /;

/**
 * X-Amz-Log-Result: the last 4 KB of what CloudWatch would show, in base64
 * (docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html, "Viewing logs").
 */
export function toLogResult(report: InvocationReport): string {
  const { requestId, lines } = report;
  const log = [
    `START RequestId: ${requestId} Version: $LATEST`,
    ...lines.filter((line) => !platformLine.test(line)),
    ...failureLines(report),
    `END RequestId: ${requestId}`,
    reportLine(report),
    "",
  ].join("\n");
  return Buffer.from(log).subarray(-mostBytes).toString("base64");
}

function failureLines({ requestId, failure, endedMs }: InvocationReport): string[] {
  if (failure === undefined) return [];
  const { errorType, errorMessage } = failure;
  if (errorType !== "Sandbox.Timedout") return [errorMessage, errorType];
  const words = errorMessage.slice(errorMessage.indexOf("Task timed out"));
  return [`${new Date(endedMs).toISOString()} ${requestId} ${words}`, ""];
}

/** Of a container image, its init is billed like the rest. */
function reportLine({ requestId, durationMs, initMs, memoryMib, usedBytes, failure }: InvocationReport): string {
  const fields = [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${durationMs.toFixed(2)} ms`,
    `Billed Duration: ${Math.ceil(durationMs + (initMs ?? 0))} ms`,
    `Memory Size: ${memoryMib} MB`,
  ];
  if (usedBytes !== undefined)
    fields.push(`Max Memory Used: ${Math.min(Math.ceil(usedBytes / 2 ** 20), memoryMib)} MB`);
  if (initMs !== undefined) fields.push(`Init Duration: ${initMs.toFixed(2)} ms`);
  if (failure === undefined) fields.push("");
  else if (failure.errorType === "Sandbox.Timedout") fields.push("Status: timeout");
  else fields.push("Status: error", `Error Type: ${failure.errorType}`);
  return fields.join("\t");
}
