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

/** What API Gateway sets itself, whatever the client says. */
const overwritten: ReadonlySet<string> = new Set([
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
  for (const { name, values } of handedOn(request).values()) {
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
  for (const [lowerCase, { values }] of handedOn(request)) {
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
  readonly values: string[];
}

/** The client's headers and API Gateway's own, by name in lower case. */
function handedOn(request: ApiRequest): Map<string, Header> {
  const all = new Map<string, Header>();
  let chunked = false;
  for (const [name, value] of request.headers) {
    const lowerCase = name.toLowerCase();
    const known = all.get(lowerCase);
    if (known !== undefined) {
      known.values.push(value);
    } else if (!dropped.has(lowerCase) && !overwritten.has(lowerCase)) {
      all.set(lowerCase, { name, values: [value] });
    } else {
      chunked ||= lowerCase === "transfer-encoding";
    }
  }
  if (chunked && !all.has("content-length")) {
    all.set("content-length", { name: "Content-Length", values: [String(request.body.length)] });
  }
  const { forwarded } = request;
  all.set("x-amzn-trace-id", { name: "X-Amzn-Trace-Id", values: [traceId(request)] });
  all.set("x-forwarded-for", { name: "X-Forwarded-For", values: [forwarded.for] });
  all.set("x-forwarded-port", { name: "X-Forwarded-Port", values: [forwarded.port] });
  all.set("x-forwarded-proto", { name: "X-Forwarded-Proto", values: [forwarded.proto] });
  return all;
}
