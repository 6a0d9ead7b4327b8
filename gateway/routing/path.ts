import { ApiError } from "../apigateway/errors.ts";

/** A request's path, taken apart for matching. */
export interface RequestPath {
  /** Decoded, so that `%2F` is part of a segment; leading and trailing slashes are not among them. */
  readonly segments: readonly string[];
  /** How many slashes stand at the end; 0 for `/` itself. */
  readonly trailingSlashes: number;
}

/**
 * Splits before it decodes, so that an encoded slash separates nothing. Decoded segments are compared, so that no other
 * spelling of a path (`/%61dmin`) leads past its route. `.` and `..` are segments like any others: nothing is resolved.
 * @param path percent-encoded, without the query
 * @throws ApiError BAD_REQUEST when it is not ASCII, or not valid percent-encoded UTF-8
 */
export function parsePath(path: string): RequestPath {
  let start = 0;
  while (path[start] === "/") start++;
  let end = path.length;
  while (end > start && path[end - 1] === "/") end--;
  if (start === 0) throw new ApiError("BAD_REQUEST", "the path does not begin with /");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  if (!/^[\x00-\x7f]*$/.test(path)) throw new ApiError("BAD_REQUEST", "the path is not ASCII");
  if (start === end) return { segments: [], trailingSlashes: 0 };
  const inner = path.slice(start, end);
  const segments = inner.split("/");
  return {
    segments: inner.includes("%") ? segments.map(decode) : segments,
    trailingSlashes: path.length - end,
  };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new ApiError("BAD_REQUEST", "the path is not valid percent-encoded UTF-8", { cause });
  }
}

/**
 * What `{proxy+}` has of a path from a segment on; undefined when that is nothing. REST APIs drop slashes at the end and
 * need at least one segment; HTTP APIs keep them, and take an empty rest after a slash: `/shop/{proxy+}` has `/shop/`.
 */
export function restOf(path: RequestPath, from: number, payload: "1.0" | "2.0"): string | undefined {
  const { segments, trailingSlashes } = path;
  const rest = segments.slice(from).join("/");
  if (payload === "1.0") return rest === "" ? undefined : rest;
  if (from < segments.length) return rest + "/".repeat(trailingSlashes);
  return trailingSlashes > 0 || segments.length === 0 ? "/".repeat(Math.max(trailingSlashes - 1, 0)) : undefined;
}
