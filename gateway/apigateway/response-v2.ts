import type { ApiRequest } from "./request.ts";
import type { MappedResponse } from "./response.ts";
import { type Answer, excerpt, isObject, malformed, orMalformed, parseAnswer, statusOf } from "./response-answer.ts";
import { bodyText, fromBase64, isBase64Encoded } from "./response-body.ts";
import { type HeaderPair, headerPair, singleHeaders } from "./response-headers.ts";
import { statedLength, toMessage } from "./response-message.ts";

/** HTTP APIs' own default. */
const httpApiType = "text/plain; charset=utf-8";

/** What belongs to one connection (RFC 9110 section 7.6.1), and the length, which is counted. */
const dropped: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * What a function of payload format 2.0 answered, `bytes` as they came from it; never throws
 * (docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html, "Lambda function
 * response format").
 * @param defaultType content type of an answer that has a status and names none
 */
export function toResponseV2(bytes: Buffer, request: ApiRequest, defaultType = httpApiType): MappedResponse {
  return orMalformed(() => {
    const text = bytes.toString();
    const answer = parseAnswer(text);
    return isObject(answer) && answer.statusCode !== undefined && answer.statusCode !== null
      ? described(answer, text, request, defaultType)
      : inferred(answer, bytes, request);
  });
}

function described(answer: Answer, text: string, request: ApiRequest, defaultContentType: string): MappedResponse {
  const status = statusOf(answer.statusCode);
  const headers = singleHeaders(answer, text);
  const body = bodyText(answer);
  return toMessage(request.method, {
    status,
    headers: [...headers.filter(([name]) => !dropped.has(name.toLowerCase())), ...cookies(answer)],
    defaultContentType,
    body: isBase64Encoded(answer) ? fromBase64(body) : Buffer.from(body),
    statedLength: statedLength(headers),
  });
}

/**
 * Valid JSON without a status is the body of a 200: byte for byte what the function sent; of a string its text, as AWS's
 * table of examples has it.
 */
function inferred(answer: unknown, bytes: Buffer, request: ApiRequest): MappedResponse {
  return toMessage(request.method, {
    status: 200,
    headers: [],
    defaultContentType: "application/json",
    body: typeof answer === "string" ? Buffer.from(answer) : bytes,
    statedLength: undefined,
  });
}

/** "Each cookie becomes a set-cookie header." */
function cookies({ cookies: list }: Answer): HeaderPair[] {
  if (list === undefined || list === null) {
    return [];
  }
  return Array.isArray(list)
    ? list.map((cookie) => headerPair("set-cookie", cookie))
    : malformed(`cookies is no list: ${excerpt(list)}`);
}
