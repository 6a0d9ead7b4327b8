import { headerOf } from "./header-list.ts";
import type { ApiRequest } from "./request.ts";

/** X-Ray's header: a root with version, seconds since 1970 and 96 bits; more fields may stand before or behind. */
const root = /(?:^|;)\s*Root=1-[0-9a-f]{8}-[0-9a-f]{24}\s*(?:;|$)/i;

/**
 * The request's X-Amzn-Trace-Id: the client's where it is one, else one that is made of the request's id and time
 * (docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader).
 */
export function traceId(request: ApiRequest): string {
  const given = headerOf(request.headers, "x-amzn-trace-id");
  if (given !== undefined && root.test(given)) {
    return given;
  }
  const seconds = Math.floor(request.receivedAtMs / 1000)
    .toString(16)
    .padStart(8, "0");
  return `Root=1-${seconds}-${hexOf(request.id).slice(0, 24)}`;
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

/** Of a UUID as RFC 9562 section 4 writes it; several times for each request, and a search for its dashes takes twice as long. */
function hexOf(uuid: string): string {
  return `${uuid.slice(0, 8)}${uuid.slice(9, 13)}${uuid.slice(14, 18)}${uuid.slice(19, 23)}${uuid.slice(24)}`;
}
