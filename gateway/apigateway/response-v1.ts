import type { Route } from "../routing/definition.ts";
import { headerOf } from "./header-list.ts";
import { firstAccepted, isListed, mediaTypeOf } from "./media-types.ts";
import type { ApiRequest } from "./request.ts";
import type { MappedResponse } from "./response.ts";
import { excerpt, isObject, malformed, orMalformed, parseAnswer, statusOf } from "./response-answer.ts";
import { bodyText, fromBase64, isBase64Encoded } from "./response-body.ts";
import { type HeaderPair, mergedHeaders } from "./response-headers.ts";
import { statedLength, toMessage } from "./response-message.ts";

/**
 * What becomes of a function's headers, as of AWS's table
 * (docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html). That Content-Length and
 * X-Amzn-RequestId are renamed too is what answers of the service show.
 */
const renamed: ReadonlySet<string> = new Set([
  "authorization",
  "connection",
  "content-length",
  "content-md5",
  "date",
  "max-forwards",
  "server",
  "user-agent",
  "www-authenticate",
  "x-amzn-requestid",
]);
const dropped: ReadonlySet<string> = new Set([
  "expect",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * What a function of payload format 1.0 answered, `bytes` as they came from it; never throws
 * (docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html, "Output format").
 */
export function toResponseV1(bytes: Buffer, request: ApiRequest, route: Route): MappedResponse {
  return orMalformed(() => {
    const text = bytes.toString();
    const answer = parseAnswer(text);
    if (!isObject(answer)) {
      return malformed(`it is no object: ${excerpt(answer)}`);
    }
    const status = statusOf(answer.statusCode ?? undefined);
    const headers = mergedHeaders(answer, text);
    const body = bodyText(answer);
    return toMessage(request.method, {
      status,
      headers: passed(headers),
      defaultContentType: "application/json",
      body: isBase64Encoded(answer) && isBinary(headers, request, route) ? fromBase64(body) : Buffer.from(body),
      statedLength: statedLength(headers),
    });
  });
}

function passed(headers: readonly HeaderPair[]): HeaderPair[] {
  const kept: HeaderPair[] = [];
  for (const header of headers) {
    const lowerCase = header[0].toLowerCase();
    if (renamed.has(lowerCase)) kept.push([`x-amzn-Remapped-${header[0]}`, header[1]]);
    else if (!dropped.has(lowerCase)) kept.push(header);
  }
  return kept;
}

/**
 * Whether base64 is decoded: when the first media type that the client accepts is listed
 * (api-gateway-payload-encodings-workflow.html), or that of the answer: a client that takes anything gets its image.
 */
function isBinary(headers: readonly HeaderPair[], request: ApiRequest, { binaryMediaTypes }: Route): boolean {
  return (
    isListed(firstAccepted(headerOf(request.headers, "accept")), binaryMediaTypes) ||
    isListed(mediaTypeOf(headerOf(headers, "content-type")), binaryMediaTypes)
  );
}
