import { LambdaError } from "../../http/errors.ts";
import { bearerToken, type TokenLookup } from "../authorizer.ts";
import type { ApiKey } from "../credentials/credentials.ts";
import { InvalidToken, IssuerAway } from "../tokens/invalid-token.ts";
import type { VerifiedToken } from "../tokens/verified-tokens.ts";
import { type Caller, type CallerCheck, type CallerRequest, unrecognized } from "./check.ts";
import { cameThroughProxy } from "./loopback.ts";

/** `Authorization: Bearer` with a token that routes would take, too. */
export class TokenCheck implements CallerCheck {
  readonly #tokens: TokenLookup;

  constructor(tokens: TokenLookup) {
    this.#tokens = tokens;
  }

  check({ headers: { authorization } }: CallerRequest): Caller | Promise<Caller> | undefined {
    if (authorization === undefined || !/^Bearer /i.test(authorization)) return undefined;
    const token = bearerToken(authorization) ?? "";
    const remembered = this.#tokens.remembered(token);
    return remembered === undefined ? this.#verify(token) : toCaller(remembered);
  }

  async #verify(token: string): Promise<Caller> {
    try {
      return toCaller(await this.#tokens.verify(token));
    } catch (error) {
      if (error instanceof IssuerAway) {
        throw new LambdaError("ServiceException", "The token cannot be verified now", {
          status: 503,
          retryAfterSeconds: 5,
          cause: error,
        });
      }
      if (!(error instanceof InvalidToken)) throw error;
      if (!error.expired) throw unrecognized();
      throw new LambdaError("ExpiredTokenException", "The security token included in the request is expired");
    }
  }
}

function toCaller({ claims }: VerifiedToken): Caller {
  return { kind: "token", name: String(claims["cognito:username"] ?? claims.username ?? claims.sub) };
}

/** `x-api-key`. */
export class ApiKeyCheck implements CallerCheck {
  readonly #apiKey: (key: string) => ApiKey | undefined;

  constructor(apiKey: (key: string) => ApiKey | undefined) {
    this.#apiKey = apiKey;
  }

  check({ headers }: CallerRequest): Caller | undefined {
    const given = headers["x-api-key"];
    if (typeof given !== "string") return undefined;
    const known = this.#apiKey(given);
    if (known === undefined || (known.isWellKnown && cameThroughProxy(headers))) return undefined;
    return { kind: "api-key", name: known.id };
  }
}
