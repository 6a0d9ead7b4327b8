import { hexOf, rootTraceId } from "../lambda/trace-id.ts";
import { headerOf } from "./header-list.ts";
import type { ApiRequest } from "./request.ts";

/** The request's X-Amzn-Trace-Id: the client's where it is one. */
export function traceId(request: Omit<ApiRequest, "body">): string {
  return rootTraceId(headerOf(request.headers, "x-amzn-trace-id"), request.id, request.receivedAtMs);
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** `extendedRequestId`, which AWS also sends as x-amz-apigw-id: 15 characters of base64 and a `=`. */
export function extendedRequestId(requestId: string): string {
  const hex = hexOf(requestId);
  let text = "";
  // Three digits of hex are twelve bits, which are two of base64; by hand, since a Buffer's calls cost more than this.
  for (let at = 0; at < 21; at += 3) {
    const bits = Number.parseInt(hex.slice(at, at + 3), 16);
    text += base64Digits.charAt(bits >> 6) + base64Digits.charAt(bits & 63);
  }
  return `${text}${base64Digits.charAt(Number.parseInt(hex.charAt(21), 16) << 2)}=`;
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
