import { traceId } from "./event-ids.ts";
import { textMap, textsMap } from "./event-maps.ts";
import type { ApiRequest, HeaderList } from "./request.ts";

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
  readonly headers: Record<string, string>;
  readonly multiValueHeaders: Record<string, string[]>;
}

/** Headers as a REST API hands them on (set-up-lambda-proxy-integrations.html, "Input format"). */
export function headersV1(request: ApiRequest): HeadersV1 {
  const headers = textMap();
  const multiValueHeaders = textsMap();
  const spellings = textMap();
  for (const [name, value] of handedOn(request)) {
    const lowerCase = name.toLowerCase();
    const spelling = spellings[lowerCase];
    if (spelling === undefined) {
      spellings[lowerCase] = name;
      multiValueHeaders[name] = [value];
      headers[name] = value;
    } else {
      multiValueHeaders[spelling]?.push(value);
      headers[spelling] = value;
    }
  }
  return { headers, multiValueHeaders };
}

/** Headers of payload 2.0: in lower case, what is repeated joined by commas; cookies are in a place of their own. */
export interface HeadersV2 {
  readonly headers: Record<string, string>;
  /** `name=value` each; undefined when there are none. */
  readonly cookies: readonly string[] | undefined;
}

/** Headers as an HTTP API hands them on (http-api-develop-integrations-lambda.html, "Payload format differences"). */
export function headersV2(request: ApiRequest): HeadersV2 {
  const headers = textMap();
  const cookies: string[] = [];
  for (const [name, value] of handedOn(request)) {
    const lowerCase = name.toLowerCase();
    if (lowerCase === "cookie") {
      cookies.push(
        ...value
          .split(";")
          .map((cookie) => cookie.trim())
          .filter((cookie) => cookie !== ""),
      );
    } else {
      const known = headers[lowerCase];
      headers[lowerCase] = known === undefined ? value : `${known},${value}`;
    }
  }
  return { headers, cookies: cookies.length === 0 ? undefined : cookies };
}

function handedOn(request: ApiRequest): HeaderList {
  const list: (readonly [string, string])[] = [];
  let chunked = false;
  let length = false;
  for (const header of request.headers) {
    const lowerCase = header[0].toLowerCase();
    chunked ||= lowerCase === "transfer-encoding";
    length ||= lowerCase === "content-length";
    if (!dropped.has(lowerCase) && !overwritten.has(lowerCase)) {
      list.push(header);
    }
  }
  if (chunked && !length) {
    list.push(["Content-Length", String(request.body.length)]);
  }
  list.push(
    ["X-Amzn-Trace-Id", traceId(request)],
    ["X-Forwarded-For", request.forwarded.for],
    ["X-Forwarded-Port", request.forwarded.port],
    ["X-Forwarded-Proto", request.forwarded.proto],
  );
  return list;
}
