import { traceId } from "./event-ids.ts";
import { put, type TextMap, type TextsMap } from "./event-maps.ts";
import type { ApiRequest } from "./request.ts";

/**
 * What describes the client's connection to us and is dropped on the way to a Lambda function
 * (docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html, the table of headers), with
 * RFC 9110 section 7.6.1's remaining ones. Content-MD5, Max-Forwards, Server and WWW-Authenticate are in AWS's table.
 */
const dropped: ReadonlySet<string> = new Set([
  "connection",
  "content-md5",
  "expect",
  "keep-alive",
  "max-forwards",
  "proxy-authenticate",
  "proxy-connection",
  "server",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "www-authenticate",
]);

/** The client's headers that are not handed on: besides those dropped, what API Gateway sets itself. */
const notHandedOn: ReadonlySet<string> = new Set([
  ...dropped,
  "x-amzn-trace-id",
  "x-forwarded-for",
  "x-forwarded-port",
  "x-forwarded-proto",
]);

/** Headers of payload 1.0: in the client's spelling, the first one's where they differ. */
export interface HeadersV1 {
  /** The last value of each. */
  readonly headers: TextMap;
  readonly multiValueHeaders: TextsMap;
}

/** Headers as a REST API hands them on (set-up-lambda-proxy-integrations.html, "Input format"). */
export function headersV1(request: ApiRequest): HeadersV1 {
  const headers: TextMap = {};
  const multiValueHeaders: TextsMap = {};
  for (const { name, values } of handedOn(request)) {
    put(headers, name, values[values.length - 1] ?? "");
    put(multiValueHeaders, name, values);
  }
  return { headers, multiValueHeaders };
}

/** Headers of payload 2.0: in lower case, what is repeated joined by commas; cookies are in a place of their own. */
export interface HeadersV2 {
  readonly headers: TextMap;
  /** `name=value` each; undefined when there are none. */
  readonly cookies: readonly string[] | undefined;
}

/** Headers as an HTTP API hands them on (http-api-develop-integrations-lambda.html, "Payload format differences"). */
export function headersV2(request: ApiRequest): HeadersV2 {
  const headers: TextMap = {};
  let cookies: string[] | undefined;
  for (const { lowerCase, values } of handedOn(request)) {
    if (lowerCase === "cookie") {
      cookies = cookiesOf(values);
    } else {
      put(headers, lowerCase, values.length === 1 ? (values[0] ?? "") : values.join(","));
    }
  }
  return { headers, cookies };
}

function cookiesOf(values: readonly string[]): string[] | undefined {
  const cookies = values.flatMap((value) => value.split(";").map((cookie) => cookie.trim()));
  const present = cookies.filter((cookie) => cookie !== "");
  return present.length === 0 ? undefined : present;
}

interface Header {
  /** As it was spelt first. */
  readonly name: string;
  readonly lowerCase: string;
  readonly values: string[];
}

/** The client's headers, each once, and API Gateway's own. */
function handedOn(request: ApiRequest): Header[] {
  const all: Header[] = [];
  const byName = new Map<string, Header>();
  const add = (name: string, lowerCase: string, value: string) => {
    const header = { name, lowerCase, values: [value] };
    all.push(header);
    byName.set(lowerCase, header);
  };
  let chunked = false;
  for (const [name, value] of request.headers) {
    const lowerCase = name.toLowerCase();
    if (notHandedOn.has(lowerCase)) {
      chunked ||= lowerCase === "transfer-encoding";
      continue;
    }
    const known = byName.get(lowerCase);
    if (known === undefined) add(name, lowerCase, value);
    else known.values.push(value);
  }
  if (chunked && !byName.has("content-length")) add("Content-Length", "content-length", String(request.body.length));
  const { forwarded } = request;
  add("X-Amzn-Trace-Id", "x-amzn-trace-id", traceId(request));
  add("X-Forwarded-For", "x-forwarded-for", forwarded.for);
  add("X-Forwarded-Port", "x-forwarded-port", forwarded.port);
  add("X-Forwarded-Proto", "x-forwarded-proto", forwarded.proto);
  return all;
}
