import { decodeJwt, decodeProtectedHeader, errors } from "jose";
import { LRUCache } from "lru-cache";
import { type Claims, scopesOf } from "./claims.ts";
import { InvalidToken } from "./invalid-token.ts";
import { type TokenHeader, toleranceSeconds } from "./own.ts";

/** Longer ones are refused unread; the largest of Cognito's are a quarter of it. */
const longestToken = 16_384;
/** What the tokens that are remembered may take together: each its own length, and twice that for its claims. */
const mostRememberedBytes = 32 * 2 ** 20;
const mostRemembered = 50_000;

/** A token that was found to be right. */
export interface VerifiedToken {
  readonly claims: Claims;
  readonly scopes: readonly string[] | undefined;
}

/** Verifies the tokens of one issuer. @throws (rejects with) InvalidToken, IssuerAway */
export type VerifyToken = (token: string, header: TokenHeader, nowMs: number) => Promise<Claims>;

interface Remembered {
  readonly verified: VerifiedToken;
  readonly expiresMs: number;
  readonly notBeforeMs: number;
}

/**
 * Verifies tokens, each by its issuer, and remembers those that were right: verifying costs a hundred times what looking
 * it up again does.
 */
export class VerifiedTokens {
  readonly #issuers: ReadonlyMap<string, VerifyToken>;
  readonly #epochMs: () => number;
  /**
   * By the tokens themselves: to hash one takes longer than all the rest of finding it, and whoever reads this memory
   * finds them in requests as well.
   */
  readonly #remembered = new LRUCache<string, Remembered>({ max: mostRemembered, maxSize: mostRememberedBytes });
  #generation = 0;

  /** @param issuers by their `iss` */
  constructor(issuers: ReadonlyMap<string, VerifyToken>, epochMs: () => number) {
    this.#issuers = issuers;
    this.#epochMs = epochMs;
  }

  /** The token if it was right before and is still; costs a few microseconds. */
  remembered(token: string): VerifiedToken | undefined {
    if (token.length > longestToken) return undefined;
    const found = this.#remembered.get(token);
    if (found === undefined) return undefined;
    const nowMs = this.#epochMs();
    if (nowMs < found.expiresMs && nowMs >= found.notBeforeMs) return found.verified;
    this.#remembered.delete(token);
    return undefined;
  }

  /** @throws (rejects with) InvalidToken, IssuerAway */
  async verify(token: string): Promise<VerifiedToken> {
    if (token.length > longestToken) throw new InvalidToken("the token is too long");
    const generation = this.#generation;
    const { header, issuer } = peek(token);
    const verify = this.#issuers.get(issuer);
    if (verify === undefined) throw new InvalidToken("the token is of another issuer");
    const claims = Object.freeze(await verify(token, header, this.#epochMs()));
    const verified = { claims, scopes: scopesOf(claims) };
    // Keys that have changed meanwhile may not be those that it was verified with.
    if (generation === this.#generation) this.#remember(token, verified);
    return verified;
  }

  /** To be called when keys have changed. */
  forget(): void {
    this.#generation++;
    this.#remembered.clear();
  }

  #remember(token: string, verified: VerifiedToken): void {
    const toMs = (claim: unknown, otherwise: number) => (typeof claim === "number" ? claim * 1000 : otherwise);
    const toleranceMs = toleranceSeconds * 1000;
    const expiresMs = toMs(verified.claims.exp, 0) + toleranceMs;
    const notBeforeMs = toMs(verified.claims.nbf, 0) - toleranceMs;
    this.#remembered.set(token, { verified, expiresMs, notBeforeMs }, { size: token.length * 3 });
  }
}

/** What a token says of itself, before anything of it is believed. */
function peek(token: string): { readonly header: TokenHeader; readonly issuer: string } {
  try {
    const { iss } = decodeJwt(token);
    if (typeof iss !== "string") throw new InvalidToken("the token names no issuer");
    return { header: decodeProtectedHeader(token), issuer: iss };
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof SyntaxError) {
      throw new InvalidToken("what came is no token", { cause: error });
    }
    throw error;
  }
}
