import type { IncomingHttpHeaders } from "node:http";
import { LambdaError } from "../../http/errors.ts";

/** A request to Lambda's API, before its body is there. */
export interface CallerRequest {
  readonly method: string;
  /** As the client sent it: path and query, percent-encoded. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** The address at the other end of the socket. */
  readonly remoteAddress: string | undefined;
}

/** Who calls Lambda's API. */
export interface Caller {
  readonly kind: "anyone" | "token" | "api-key" | "access-key" | "worker";
  /** Of the key, the user or the worker; for the log. */
  readonly name: string;
}

/** Tells who calls once the body is there. @throws (or rejects with) LambdaError that refuses the request */
export type BodyCheck = (body: Buffer) => Caller | Promise<Caller>;

/** `undefined`: these are no credentials of this kind, somebody else may know them. */
export type CheckResult = Caller | BodyCheck | undefined;

/** One way to know a caller. */
export interface CallerCheck {
  /** @throws (or rejects with) LambdaError when the credentials are of this kind and not right */
  check(request: CallerRequest): CheckResult | Promise<CheckResult>;
}

/** Asks each check in turn; the first that knows the credentials decides. */
export class CallerChecks {
  readonly #checks: readonly CallerCheck[];

  constructor(checks: readonly CallerCheck[]) {
    this.#checks = checks;
  }

  /** Answers at once where it can. @throws (or rejects with) LambdaError */
  admit(request: CallerRequest): Caller | BodyCheck | Promise<Caller | BodyCheck> {
    return this.#from(0, request);
  }

  #from(first: number, request: CallerRequest): Caller | BodyCheck | Promise<Caller | BodyCheck> {
    for (let index = first; index < this.#checks.length; index++) {
      const result = this.#checks[index]?.check(request);
      if (result instanceof Promise) return result.then((found) => found ?? this.#from(index + 1, request));
      if (result !== undefined) return result;
    }
    throw this.#unknown(request);
  }

  #unknown({ headers, url }: CallerRequest): LambdaError {
    const shown = headers.authorization ?? headers["x-api-key"];
    if (shown !== undefined || url.includes("X-Amz-Credential=")) return unrecognized();
    return new LambdaError("MissingAuthenticationTokenException", "Missing Authentication Token");
  }
}

/** Credentials that nobody knows; AWS's words. */
export function unrecognized(): LambdaError {
  return new LambdaError("UnrecognizedClientException", "The security token included in the request is invalid.");
}
