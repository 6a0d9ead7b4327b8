import { gunzipSync } from "node:zlib";
import type { WireAnswer } from "./client.ts";

export type Format = "v1" | "v2";

export interface Difference {
  /** `status`, `body`, or a header's name. */
  readonly what: string;
  readonly direct: unknown;
  readonly through: unknown;
}

/** Belong to the connection or to the server that sends them, not to the application. */
const transport = ["connection", "date", "keep-alive", "transfer-encoding"];

/** Told by the gateway beside what the function says. */
const gateway = ["apigw-requestid", "x-amz-apigw-id", "x-amzn-requestid", "x-esb-start"];

/**
 * Headers of a function that REST APIs hand on under another name
 * (docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html, the table of headers).
 */
const remapped = "x-amzn-remapped-";

/**
 * What API Gateway sets where a function names no type: `application/json` in a REST API
 * (docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html), text in an HTTP API.
 */
const defaultTypes: Readonly<Record<Format, string>> = { v1: "application/json", v2: "text/plain; charset=utf-8" };

/**
 * How an application's answer through the gateway differs from the one that it gives directly, other than by what API
 * Gateway does to any answer. Of another status nothing more is told, and of another body not its length and ETag.
 */
export function differences(format: Format, direct: WireAnswer, through: WireAnswer): Difference[] {
  if (direct.status !== through.status) return [{ what: "status", direct: direct.status, through: through.status }];
  const found: Difference[] = [];
  const bodies = [bodyOf(direct), bodyOf(through)] as const;
  const sameBody = bodies[0].equals(bodies[1]);
  if (!sameBody) found.push({ what: "body", direct: bodies[0].toString(), through: bodies[1].toString() });

  const [expected, got] = [headersOf(direct), headersOf(through)];
  if (expected.get("content-type") === undefined && got.get("content-type") === defaultTypes[format]) {
    got.delete("content-type");
  }
  const following = sameBody ? [] : ["content-length", "etag"];
  // Without a length, an answer goes directly in chunks; compressed twice, a text need not have the same length.
  if (!expected.has("content-length") || expected.has("content-encoding")) following.push("content-length");
  for (const name of new Set([...expected.keys(), ...got.keys()])) {
    if (following.includes(name) || expected.get(name) === got.get(name)) continue;
    found.push({ what: name, direct: expected.get(name), through: got.get(name) });
  }
  return found;
}

/** Values by name, in order; lists that HTTP lets a recipient join are joined (RFC 9110 section 5.3). */
function headersOf({ headers }: WireAnswer): Map<string, string> {
  const all = new Map<string, string>();
  const renamed = new Map<string, string>();
  for (const [given, value] of headers) {
    const isRenamed = given.startsWith(remapped);
    const name = isRenamed ? given.slice(remapped.length) : given;
    if (transport.includes(name) || gateway.includes(name)) continue;
    const values = isRenamed ? renamed : all;
    const known = values.get(name);
    const one = name === "set-cookie" ? value : value.replaceAll(/, +/g, ",");
    values.set(name, known === undefined ? one : `${known}${name === "set-cookie" ? "\n" : ","}${one}`);
  }
  for (const [name, value] of renamed) if (!all.has(name)) all.set(name, value);
  return all;
}

/** What is said to be compressed and is not, stays as it is, and differs. */
function bodyOf({ headers, body }: WireAnswer): Buffer {
  const isGzip = headers.some(([name, value]) => name === "content-encoding" && value === "gzip");
  try {
    return isGzip ? gunzipSync(body) : body;
  } catch {
    return body;
  }
}
