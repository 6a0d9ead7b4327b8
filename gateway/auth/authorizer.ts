import { ApiError } from "../apigateway/errors.ts";
import type { RouteAuth } from "../routing/definition.ts";
import type { Authorization, Authorizer, HeaderLookup } from "./authorization.ts";
import type { ApiKey } from "./credentials/credentials.ts";
import { InvalidToken, IssuerAway } from "./tokens/invalid-token.ts";
import type { VerifiedToken } from "./tokens/verified-tokens.ts";

/** What the authorizer needs of the tokens. */
export interface TokenLookup {
  remembered(token: string): VerifiedToken | undefined;
  /** @throws (rejects with) InvalidToken, IssuerAway */
  verify(token: string): Promise<VerifiedToken>;
}

const none: Authorization = { kind: "none" };

/** Routes' `auth`, as API Gateway's authorizers and API keys. */
export class RouteAuthorizer implements Authorizer {
  readonly #tokens: TokenLookup;
  readonly #apiKey: (key: string) => ApiKey | undefined;

  constructor(tokens: TokenLookup, apiKey: (key: string) => ApiKey | undefined) {
    this.#tokens = tokens;
    this.#apiKey = apiKey;
  }

  authorize(auth: RouteAuth, header: HeaderLookup): Authorization | Promise<Authorization> {
    switch (auth) {
      case "none":
        return none;
      case "api-key":
        return this.#byApiKey(header("x-api-key"));
      case "jwt":
        return this.#byToken(bearerToken(header("authorization")));
    }
  }

  #byApiKey(key: string | undefined): Authorization {
    if (key === undefined) throw new ApiError("FORBIDDEN", "no API key");
    const known = this.#apiKey(key);
    if (known === undefined) throw new ApiError("FORBIDDEN", "wrong API key");
    return { kind: "api-key", key, keyId: known.id };
  }

  #byToken(token: string | undefined): Authorization | Promise<Authorization> {
    if (token === undefined) throw new ApiError("UNAUTHORIZED", "no token");
    const remembered = this.#tokens.remembered(token);
    return remembered === undefined ? this.#verified(token) : toAuthorization(remembered);
  }

  async #verified(token: string): Promise<Authorization> {
    try {
      return toAuthorization(await this.#tokens.verify(token));
    } catch (error) {
      if (error instanceof InvalidToken) throw new ApiError("UNAUTHORIZED", error.message, { cause: error });
      if (error instanceof IssuerAway) {
        throw new ApiError("UNAVAILABLE", error.message, { cause: error, retryAfterSeconds: 5 });
      }
      throw error;
    }
  }
}

function toAuthorization({ claims, scopes }: VerifiedToken): Authorization {
  return { kind: "jwt", claims, scopes };
}

/**
 * The token of an Authorization header. REST APIs' Cognito authorizers take it bare
 * (docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-integrate-with-cognito.html), HTTP APIs with or
 * without `Bearer` (.../http-api-jwt-authorizer.html). Undefined when there is none.
 */
export function bearerToken(header: string | undefined): string | undefined {
  const token = header?.includes(" ") === true ? header.replace(/^Bearer +/i, "").trim() : header;
  return token === "" ? undefined : token;
}
