import { isUtf8 } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import { functionArnHeader, responseModeHeader } from "../../common/invocation-headers.ts";
import { LambdaError } from "../http/errors.ts";
import { oneOf } from "./validation.ts";

/** Lambda's limit of a request, in bytes. */
export const largestRequestBytes = 6 * 1024 * 1024;

const nothing = Buffer.from("{}");

/**
 * The event as the function gets it: the client's own bytes; nothing at all is an empty object.
 * @throws LambdaError InvalidRequestContentException when they are not JSON
 */
export function toEvent(body: unknown): Buffer {
  if (!Buffer.isBuffer(body) || body.length === 0) return nothing;
  if (!isUtf8(body)) throw notJson("the body is not UTF-8");
  try {
    JSON.parse(body.toString());
  } catch (error) {
    throw notJson(`Could not parse payload into json: ${error instanceof Error ? error.message : String(error)}`);
  }
  return body;
}

function notJson(why: string): LambdaError {
  return invalidContent(`Could not parse request body into json: ${why}`);
}

function invalidContent(message: string): LambdaError {
  return new LambdaError("InvalidRequestContentException", message);
}

/** What a client's headers become on their way to a function; credentials and cookies stay here. */
export interface HandedOn {
  readonly contentType: string | undefined;
  /** As the client gave it, in base64. */
  readonly clientContext: string | undefined;
  readonly traceId: string;
  /** As it was invoked; absent: without a qualifier, as whoever serves the worker knows it. */
  readonly functionArn?: string | undefined;
  /** Whether the answer is wanted as it comes, where the function streams it. */
  readonly streamed?: boolean;
}

/** Names and values in turn, for the request to the worker. */
export function toWorkerHeaders(
  requestId: string,
  { contentType, clientContext, traceId, functionArn, streamed }: HandedOn,
): string[] {
  const result = ["x-amzn-requestid", requestId, "content-type", contentType ?? "application/json"];
  if (clientContext !== undefined) result.push("x-amz-client-context", clientContext);
  result.push("x-amzn-trace-id", traceId);
  if (functionArn !== undefined) result.push(functionArnHeader, functionArn);
  if (streamed === true) result.push(responseModeHeader, "streaming");
  return result;
}

/** Lambda's limit of a client context, in bytes of base64. */
const largestClientContextBytes = 3583;
const base64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** @throws LambdaError InvalidRequestContentException */
export function toClientContext(header: string | string[] | undefined): string | undefined {
  if (header === undefined || header === "") return undefined;
  const text = String(header);
  if (text.length > largestClientContextBytes) {
    const most = `${largestClientContextBytes} bytes`;
    throw invalidContent(`Client context must not be larger than ${most}; it has ${text.length} bytes.`);
  }
  if (!base64.test(text) || !isJsonObject(Buffer.from(text, "base64"))) {
    throw invalidContent("Client context must be a valid Base64-encoded JSON object.");
  }
  return text;
}

function isJsonObject(bytes: Buffer): boolean {
  if (!isUtf8(bytes)) return false;
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

export const invocationTypes = ["Event", "RequestResponse", "DryRun"] as const;
export type InvocationType = (typeof invocationTypes)[number];

/** @throws LambdaError ValidationException */
export function toInvocationType(header: string | string[] | undefined): InvocationType {
  return oneOf(invocationTypes, header, "invocationType") ?? "RequestResponse";
}

/** What a streamed answer can be asked for: nobody would read that of an Event. @throws LambdaError as above */
export function toStreamedType(header: string | string[] | undefined): InvocationType {
  return oneOf(["RequestResponse", "DryRun"], header, "invocationType") ?? "RequestResponse";
}

export const logTypes = ["None", "Tail"] as const;
export type LogType = (typeof logTypes)[number];

/** @throws LambdaError ValidationException */
export function toLogType(header: string | string[] | undefined): LogType {
  return oneOf(logTypes, header, "logType") ?? "None";
}

/** Parameters that change what a function may share or remember, by their header, and what would have to be there. */
const absent = [
  ["x-amz-tenant-id", "The invoked function is not enabled with tenancy configuration"],
  ["x-amz-durable-execution-name", "The invoked function is not enabled for durable executions"],
] as const;

/**
 * Who asks for isolation, or for being served once only, must not be served as if nothing had been said.
 * @throws LambdaError InvalidParameterValueException
 */
export function assertNothingAbsent(headers: IncomingHttpHeaders): void {
  for (const [header, message] of absent) {
    if (headers[header] === undefined) continue;
    throw new LambdaError("InvalidParameterValueException", `${message}; remove ${header} from the request`);
  }
}

/** Lambda's limit of an event that nobody waits for, in bytes; until 2025 it was 256 KiB. */
const largestEventBytes = 1024 * 1024;

/** @throws LambdaError RequestTooLargeException */
export function assertEventSize(event: Buffer): void {
  if (event.length <= largestEventBytes) return;
  const limit = `(limit ${largestEventBytes} bytes)`;
  const message = `${event.length} byte payload is too large for the Event invocation type ${limit}`;
  throw new LambdaError("RequestTooLargeException", message);
}
