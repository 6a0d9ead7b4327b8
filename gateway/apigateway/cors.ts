import type { Cors } from "../routing/definition.ts";

/** What a preflight asks (fetch.spec.whatwg.org, section "HTTP requests" of the CORS protocol). */
export interface Preflight {
  readonly origin: string;
  readonly method: string;
  /** Access-Control-Request-Headers as it came. */
  readonly headers: string | undefined;
}

const origin = "access-control-allow-origin";
const credentials = "access-control-allow-credentials";
/** What a function says of these is dropped where the route says it (http-api-cors.html: "API Gateway ignores CORS headers returned from your backend integration"). */
const ours: ReadonlySet<string> = new Set([
  origin,
  credentials,
  "access-control-allow-headers",
  "access-control-allow-methods",
  "access-control-expose-headers",
  "access-control-max-age",
]);

/** Field names as RFC 9110 section 5.1 has them, separated by commas. */
const fieldNames = /^[\w!#$%&'*+.^`|~-]+(?:[ \t]*,[ \t]*[\w!#$%&'*+.^`|~-]+)*$/;

/** Headers of the answer to a preflight, names and values in turn; of an origin that is not allowed none but Vary. */
export function preflightHeaders(cors: Cors, asked: Preflight): string[] {
  const allowed = allowedOrigin(cors, asked.origin);
  const headers = varyHeaders(cors, "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  if (allowed === undefined) return headers;
  headers.push(...originHeaders(cors, allowed));
  // Named rather than `*`, which browsers take literally with credentials, and never for Authorization.
  const methods = cors.allowMethods.includes("*") ? asked.method : cors.allowMethods.join(",");
  if (methods !== "") headers.push("access-control-allow-methods", methods);
  const names = cors.allowHeaders.includes("*") ? namesIn(asked.headers) : cors.allowHeaders.join(",");
  if (names !== "") headers.push("access-control-allow-headers", names);
  if (cors.maxAgeSeconds !== undefined) headers.push("access-control-max-age", String(cors.maxAgeSeconds));
  return headers;
}

/** Headers of the answer to a request, names and values in turn. @param from its Origin; undefined: it has none */
export function answerHeaders(cors: Cors, from: string | undefined): string[] {
  const headers = varyHeaders(cors, "Origin");
  const allowed = from === undefined ? undefined : allowedOrigin(cors, from);
  if (allowed === undefined) return headers;
  headers.push(...originHeaders(cors, allowed));
  if (cors.exposeHeaders.length > 0) headers.push("access-control-expose-headers", cors.exposeHeaders.join(","));
  return headers;
}

/** A function's headers (names and values in turn) without those that the route's CORS says. */
export function withoutCors(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const [name = "", value = ""] = headers.slice(index, index + 2);
    if (!ours.has(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}

/** What Access-Control-Allow-Origin says to this origin; undefined: nothing. */
function allowedOrigin(cors: Cors, from: string): string | undefined {
  if (cors.allowOrigins.includes("*")) return "*";
  return cors.allowOrigins.some((pattern) => matches(pattern, from)) ? from : undefined;
}

/**
 * @param pattern an origin; in place of its host's first label there may be `*` for one or more labels, and in place of
 *   all behind the scheme for any host and port
 */
function matches(pattern: string, from: string): boolean {
  const [before = "", after] = pattern.toLowerCase().split("*", 2);
  if (after === undefined) return before === from;
  const labels = from.slice(before.length, from.length - after.length);
  const wanted = after === "" ? /^[^/?#@]+$/ : /^[\w-]+(?:\.[\w-]+)*$/;
  return from.startsWith(before) && from.endsWith(after) && wanted.test(labels);
}

function originHeaders(cors: Cors, allowed: string): string[] {
  return cors.allowCredentials ? [origin, allowed, credentials, "true"] : [origin, allowed];
}

/** Caches keep an answer to one origin from others, unless all are answered alike. */
function varyHeaders(cors: Cors, names: string): string[] {
  return cors.allowOrigins.includes("*") && names === "Origin" ? [] : ["vary", names];
}

function namesIn(asked: string | undefined): string {
  return asked !== undefined && fieldNames.test(asked) ? asked : "";
}
