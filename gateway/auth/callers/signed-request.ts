import { LambdaError } from "../../http/errors.ts";
import type { CallerRequest } from "./check.ts";

/**
 * What a request says of its signature, in its head or its query
 * (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html).
 */
export interface SignatureClaim {
  readonly by: "header" | "query";
  readonly accessKeyId: string;
  /** Of the scope, `YYYYMMDD`. */
  readonly scopeDate: string;
  readonly region: string;
  readonly service: string;
  /** In lower case. */
  readonly signedHeaders: ReadonlySet<string>;
  /** In lower-case hexadecimal. */
  readonly signature: string;
  /** `YYYYMMDDTHHMMSSZ`. */
  readonly date: string;
  readonly dateMs: number;
  readonly sessionToken: string | undefined;
  /** Of a presigned request: how long it holds. */
  readonly expiresSeconds: number | undefined;
}

const algorithm = "AWS4-HMAC-SHA256";

/** Decoded; several values where a name comes several times. */
export type Query = Readonly<Record<string, string | string[]>>;

/** @throws LambdaError when the query cannot be decoded */
export function queryOf(url: string): Query {
  const query: Record<string, string | string[]> = Object.create(null);
  const start = url.indexOf("?");
  if (start === -1) return query;
  for (const part of url.slice(start + 1).split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = decoded(equals === -1 ? part : part.slice(0, equals));
    const value = decoded(equals === -1 ? "" : part.slice(equals + 1));
    const before = query[name];
    if (before === undefined) query[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else query[name] = [before, value];
  }
  return query;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw incomplete("The query is not percent-encoded.");
  }
}

/** Undefined when the request carries no such signature. @throws LambdaError IncompleteSignatureException */
export function signatureClaim({ headers, url }: CallerRequest): SignatureClaim | undefined {
  const { authorization } = headers;
  if (authorization !== undefined) {
    if (!authorization.startsWith(`${algorithm} `)) return undefined;
    const fields = new Map(
      authorization
        .slice(algorithm.length + 1)
        .split(",")
        .map((part) => split(part.trim(), "=")),
    );
    return claim(
      "header",
      (name) => fields.get(name),
      header(headers["x-amz-date"]),
      header(headers["x-amz-security-token"]),
    );
  }
  if (!url.includes("X-Amz-Algorithm=")) return undefined;
  const query = queryOf(url);
  const single = (name: string) => {
    const value = query[`X-Amz-${name}`];
    return typeof value === "string" ? value : undefined;
  };
  if (single("Algorithm") !== algorithm) throw incomplete(`X-Amz-Algorithm must be ${algorithm}.`);
  const expires = single("Expires");
  if (expires === undefined || !/^[1-9]\d{0,5}$/.test(expires)) throw incomplete("X-Amz-Expires must be seconds.");
  return { ...claim("query", single, single("Date"), single("Security-Token")), expiresSeconds: Number(expires) };
}

function claim(
  by: "header" | "query",
  field: (name: string) => string | undefined,
  date: string | undefined,
  sessionToken: string | undefined,
): SignatureClaim {
  const scope = field("Credential")?.split("/") ?? [];
  const [accessKeyId = "", scopeDate = "", region = "", service = "", end] = scope.slice(-5);
  if (scope.length !== 5 || accessKeyId === "" || end !== "aws4_request") {
    throw incomplete("Credential must be <access key id>/YYYYMMDD/<region>/<service>/aws4_request.");
  }
  const signedHeaders = field("SignedHeaders");
  if (signedHeaders === undefined || signedHeaders === "") throw incomplete("It requires 'SignedHeaders'.");
  const signature = field("Signature");
  if (signature === undefined || !/^[0-9a-f]{64}$/.test(signature)) throw incomplete("It requires 'Signature'.");
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date ?? "") ?? [];
  const dateMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (date === undefined || Number.isNaN(dateMs)) throw incomplete("X-Amz-Date must be YYYYMMDDTHHMMSSZ.");
  return {
    by,
    accessKeyId,
    scopeDate,
    region,
    service,
    signedHeaders: new Set(signedHeaders.toLowerCase().split(";")),
    signature,
    date,
    dateMs,
    sessionToken,
    expiresSeconds: undefined,
  };
}

function split(text: string, separator: string): [string, string] {
  const index = text.indexOf(separator);
  return index === -1 ? [text, ""] : [text.slice(0, index), text.slice(index + 1)];
}

function header(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function incomplete(why: string): LambdaError {
  return new LambdaError("IncompleteSignatureException", `The request's signature is not complete. ${why}`);
}
