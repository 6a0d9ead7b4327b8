import type { ApiResponse } from "./response.ts";
import type { HeaderPair } from "./response-headers.ts";

/** An answer in parts, its headers filtered. */
export interface ResponseParts {
  readonly status: number;
  readonly headers: readonly HeaderPair[];
  /** Where the function names none. */
  readonly defaultContentType: string;
  readonly body: Buffer;
  /** What the function said of its body's length; matters where there is no body to count: the answer of a HEAD. */
  readonly statedLength: string | undefined;
}

const noBytes = Buffer.alloc(0);

/**
 * The message as HTTP has it: one Content-Type, the last, and one Content-Length, ours. 204 and 304 have no body (RFC 9110
 * sections 15.3.5, 15.4.5) and get no type that the function has not named: a 304's headers overwrite those of a cache.
 * The answer of a HEAD has the length that the function stated, or that of the body it made, and no body.
 */
export function toMessage(method: string, parts: ResponseParts): ApiResponse {
  const { status, body } = parts;
  const headers: string[] = [];
  let contentType: HeaderPair | undefined;
  for (const header of parts.headers) {
    if (header[0].length === 12 && header[0].toLowerCase() === "content-type") {
      contentType = header;
    } else {
      headers.push(header[0], header[1]);
    }
  }
  const bodiless = status === 204 || status === 304;
  if (contentType !== undefined) {
    headers.push(contentType[0], contentType[1]);
  } else if (!bodiless) {
    headers.push("content-type", parts.defaultContentType);
  }
  if (bodiless) {
    return { status, headers, body: noBytes };
  }
  if (method !== "HEAD") {
    headers.push("content-length", String(body.length));
    return { status, headers, body };
  }
  const length = parts.statedLength ?? (body.length === 0 ? undefined : String(body.length));
  if (length !== undefined) {
    headers.push("content-length", length);
  }
  return { status, headers, body: noBytes };
}

/** The Content-Length among these; undefined when there is none or it is no number of bytes. */
export function statedLength(headers: readonly HeaderPair[]): string | undefined {
  const value = headers.findLast(([name]) => name.length === 14 && name.toLowerCase() === "content-length")?.[1];
  return value !== undefined && /^\d{1,15}$/.test(value) ? value : undefined;
}
