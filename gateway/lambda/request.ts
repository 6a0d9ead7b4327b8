import { isUtf8 } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import { LambdaError } from "../http/errors.ts";

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
  return new LambdaError("InvalidRequestContentException", `Could not parse request body into json: ${why}`);
}

/** Of a client's headers, a function gets what Lambda's API hands on; credentials and cookies stay here. */
const handedOn = ["content-type", "x-amz-client-context", "x-amzn-trace-id"] as const;

/** Names and values in turn, for the request to the worker. */
export function toWorkerHeaders(headers: IncomingHttpHeaders, requestId: string): string[] {
  const result = ["x-amzn-requestid", requestId];
  for (const name of handedOn) {
    const value = headers[name];
    if (typeof value === "string") result.push(name, value);
  }
  if (headers["content-type"] === undefined) result.push("content-type", "application/json");
  return result;
}

export const invocationTypes = ["RequestResponse", "DryRun"] as const;
export type InvocationType = (typeof invocationTypes)[number];

/** @throws LambdaError InvalidParameterValueException */
export function toInvocationType(header: string | string[] | undefined): InvocationType {
  if (header === undefined) return "RequestResponse";
  const known = invocationTypes.find((type) => type === header);
  if (known !== undefined) return known;
  throw new LambdaError(
    "InvalidParameterValueException",
    header === "Event"
      ? "InvocationType Event is not available yet: events are not kept, so they could be lost. Use RequestResponse."
      : `InvocationType ${String(header)} is not known; expected ${invocationTypes.join(" or ")}`,
  );
}
