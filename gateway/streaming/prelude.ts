import type { ApiRequest } from "../apigateway/request.ts";
import { toResponseV2 } from "../apigateway/response-v2.ts";

/** Of a stream that begins with what HTTP has beside a body (Lambda's `HttpResponseStream`). */
export const integrationType = "application/vnd.awslambda.http-integration-response";

/** Of a stream that names no type: nothing is known of its bytes. */
const unknownType = "application/octet-stream";

/** Behind the JSON of status, headers and cookies. */
const delimiter = Buffer.alloc(8);
/**
 * More than headers can have, and little enough that a function that sends it byte by byte costs nobody anything; API
 * Gateway looks at the first 16 KB of a stream.
 */
const mostBytes = 64 * 1024;

/** An answer's status and headers, names and values in turn. */
export interface StreamHead {
  readonly status: number;
  readonly headers: string[];
}

export type Prelude =
  | { readonly kind: "whole"; readonly head: StreamHead; readonly rest: Buffer }
  | { readonly kind: "malformed"; readonly reason: string };

/** Gathers a stream's beginning until its prelude is whole. */
export class PreludeReader {
  #bytes: Buffer = Buffer.alloc(0);

  /** @returns undefined: more is needed */
  add(chunk: Buffer, request: ApiRequest): Prelude | undefined {
    const from = Math.max(0, this.#bytes.length - delimiter.length + 1);
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const end = this.#bytes.indexOf(delimiter, from);
    if (end >= 0) return parse(this.#bytes.subarray(0, end), this.#bytes.subarray(end + delimiter.length), request);
    if (this.#bytes.length <= mostBytes) return undefined;
    return { kind: "malformed", reason: "the stream's status and headers have no end" };
  }
}

function parse(json: Buffer, rest: Buffer, request: ApiRequest): Prelude {
  let told: unknown;
  try {
    told = JSON.parse(json.toString());
  } catch {
    return { kind: "malformed", reason: "the stream's status and headers are no JSON" };
  }
  if (typeof told !== "object" || told === null) {
    return { kind: "malformed", reason: "the stream's status and headers are no object" };
  }
  const answer = Buffer.from(JSON.stringify({ statusCode: 200, ...told, body: "" }));
  const mapped = toResponseV2(answer, request, unknownType);
  if ("malformed" in mapped) return { kind: "malformed", reason: mapped.malformed };
  const headers: string[] = [];
  // The length of a stream is not known.
  for (let at = 0; at < mapped.headers.length; at += 2) {
    const [name = "", value = ""] = mapped.headers.slice(at, at + 2);
    if (name.toLowerCase() !== "content-length") headers.push(name, value);
  }
  return { kind: "whole", head: { status: mapped.status, headers }, rest };
}
