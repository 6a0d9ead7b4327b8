import { ApiError } from "./errors.ts";
import type { RequestHead } from "./received.ts";

/**
 * HTTP APIs' limit of the request line and all header values together, in bytes; REST APIs' hold for each of them
 * (docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html).
 */
const largestHeadBytes = 10_240;

type Head = Pick<RequestHead, "method" | "rawPath" | "rawQuery" | "protocol" | "headers">;

/** @throws ApiError HEAD_TOO_LARGE for what an HTTP API does not take */
export function checkHttpApiHead({ method, rawPath, rawQuery, protocol, headers }: Head): void {
  const target = rawQuery === "" ? rawPath.length : rawPath.length + 1 + rawQuery.length;
  // With the two spaces between its parts (RFC 9112 section 3).
  let bytes = method.length + 1 + target + 1 + protocol.length;
  for (const header of headers) bytes += header[1].length;
  if (bytes <= largestHeadBytes) return;
  throw new ApiError("HEAD_TOO_LARGE", `request line and header values have ${bytes} bytes, not ${largestHeadBytes}`);
}
