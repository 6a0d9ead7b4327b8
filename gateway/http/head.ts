import { METHODS } from "node:http";
import type { ProblemName } from "./problems.ts";

/**
 * API Gateway's limits of a request's head: the URL of a regional API in characters, all header values in bytes
 * (docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html).
 */
export const longestTarget = 10_240;
export const largestHeaderValuesBytes = 10_240;
/** AWS names no limit for these. */
export const mostHeaders = 500;

/** What a request says before its body. */
export interface RequestHead {
  readonly method?: string | undefined;
  /** The request target as the client sent it (RFC 9112 section 3.2). */
  readonly url?: string | undefined;
  readonly httpVersion: string;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
}

export interface HeadProblem {
  readonly name: ProblemName;
  readonly message: string;
}

/** Those that Node reads in HTTP/1.1; in HTTP/2 it lets any word pass. */
const knownMethods: ReadonlySet<string> = new Set(METHODS);

/** A name or address and a port (RFC 9110 section 7.2); it must not be empty, as no resource of ours has no authority. */
const validHost = /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(?::\d*)?$/i;

/**
 * What is wrong with a request's head that Node lets pass: what is larger than AWS takes, and what servers behind one
 * another could read in different ways (RFC 9112 section 11.2), so that one would see a request that nobody sent.
 */
export function headProblem({ method = "", url = "", httpVersion, rawHeaders }: RequestHead): HeadProblem | undefined {
  if (url.length > longestTarget) {
    return { name: "TARGET_TOO_LONG", message: `The URL must not be longer than ${longestTarget} characters` };
  }
  let host: string | undefined;
  let transferEncoding: string | undefined;
  let valuesBytes = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    const value = rawHeaders[index + 1] ?? "";
    valuesBytes += value.length;
    if (name.length === 4 && name.toLowerCase() === "host") {
      if (host !== undefined) return malformed("it has two Hosts");
      host = value;
    } else if (name === ":authority" && host === undefined) {
      // Pseudo headers come first: a Host beside it must say the same (RFC 9113 section 8.3.1).
      if (otherHost(rawHeaders, value)) return malformed("its Host is not its authority");
    } else if (name.length === 17 && name.toLowerCase() === "transfer-encoding") {
      if (transferEncoding !== undefined) return malformed("it has two Transfer-Encodings");
      transferEncoding = value;
    }
  }
  if (rawHeaders.length > 2 * mostHeaders) {
    return { name: "HEAD_TOO_LARGE", message: `The request must not have more than ${mostHeaders} headers` };
  }
  if (valuesBytes > largestHeaderValuesBytes) {
    const message = `The values of all headers must not be larger than ${largestHeaderValuesBytes} bytes`;
    return { name: "HEAD_TOO_LARGE", message };
  }
  if (transferEncoding !== undefined) {
    if (httpVersion === "1.0") return malformed("HTTP/1.0 has no Transfer-Encoding");
    if (transferEncoding.toLowerCase() !== "chunked") return malformed("its Transfer-Encoding is not chunked");
  }
  if (!knownMethods.has(method)) return malformed("its method is not known");
  if (host === undefined && httpVersion !== "1.0") return malformed("it has no Host");
  if (host !== undefined && !validHost.test(host)) return malformed("its Host is none");
  if (!url.startsWith("/") && !(url === "*" && method === "OPTIONS")) return malformed("its target is no path");
  return undefined;
}

function otherHost(rawHeaders: readonly string[], authority: string): boolean {
  const index = rawHeaders.indexOf("host");
  return index >= 0 && rawHeaders[index + 1] !== authority;
}

function malformed(what: string): HeadProblem {
  return { name: "MALFORMED", message: `The request is not valid HTTP: ${what}` };
}
