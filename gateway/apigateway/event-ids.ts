import { hexOf, rootTraceId } from "../lambda/trace-id.ts";
import { headerOf } from "./header-list.ts";
import type { ApiRequest } from "./request.ts";

/** The request's X-Amzn-Trace-Id: the client's where it is one. */
export function traceId(request: ApiRequest): string {
  return rootTraceId(headerOf(request.headers, "x-amzn-trace-id"), request.id, request.receivedAtMs);
}

/** `extendedRequestId`, which AWS also sends as x-amz-apigw-id: 15 characters of base64 and a `=`. */
export function extendedRequestId(requestId: string): string {
  return Buffer.from(hexOf(requestId).slice(0, 22), "hex").toString("base64");
}

/** `resourceId`, which AWS gives to each resource when it is made: here always the same for the same template. */
export function resourceId(path: string): string {
  // FNV-1a, 32 bits (RFC 9923): it is no secret and collisions do no harm.
  let hash = 0x811c9dc5;
  for (let index = 0; index < path.length; index++) {
    hash = Math.imul(hash ^ path.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0).toString(36).padStart(7, "0");
}
