import { errors, type JWTVerifyOptions, jwtVerify, SignJWT } from "jose";
import { type Claims, hasAudience, idTokenClaims, type TokenTerms } from "./claims.ts";
import { InvalidToken } from "./invalid-token.ts";
import type { KeyRing } from "./key-ring.ts";

/** By how much the clocks of two machines may differ. */
export const toleranceSeconds = 5;

/** A token for a user, signed with the ring's first key. */
export function issueToken(
  user: { readonly username: string; readonly claims: Claims },
  ring: KeyRing,
  terms: TokenTerms,
  nowMs: number,
): Promise<string> {
  const { algorithm, kid, signingKey } = ring.signer;
  return new SignJWT({ ...idTokenClaims(user, terms, nowMs) })
    .setProtectedHeader({ alg: algorithm, kid, typ: "JWT" })
    .sign(signingKey);
}

/** What a token's own header says of how to verify it. */
export interface TokenHeader {
  readonly alg?: string | undefined;
  readonly kid?: string | undefined;
}

/**
 * The claims of a token of ours. Each key verifies its own algorithm only, whatever the token says.
 * @throws (rejects with) InvalidToken
 */
export async function verifyOwn(
  token: string,
  header: TokenHeader,
  ring: KeyRing,
  { issuer, audience }: Pick<TokenTerms, "issuer" | "audience">,
  nowMs: number,
): Promise<Claims> {
  const candidates = ring.keys.filter(
    ({ kid, algorithm }) => algorithm === header.alg && (header.kid === undefined || header.kid === kid),
  );
  for (const { algorithm, key } of candidates) {
    const claims = await verified(token, key, { algorithms: [algorithm], issuer }, nowMs);
    if (claims === undefined) continue;
    if (!hasAudience(claims, [audience])) throw new InvalidToken("the token is for another audience");
    if (claims.token_use !== "id") throw new InvalidToken("the token is no ID token");
    return claims;
  }
  throw new InvalidToken("none of our keys has signed the token");
}

/**
 * The claims of a token that this key has signed and that is valid now; undefined when the key has not signed it.
 * @throws (rejects with) InvalidToken
 */
export async function verified(
  token: string,
  key: Parameters<typeof jwtVerify>[1],
  options: JWTVerifyOptions,
  nowMs: number,
): Promise<Claims | undefined> {
  try {
    const { payload } = await jwtVerify(token, key, {
      ...options,
      requiredClaims: ["exp"],
      clockTolerance: toleranceSeconds,
      currentDate: new Date(nowMs),
    });
    // API Gateway looks at it as well (docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html).
    if (payload.iat !== undefined && payload.iat > nowMs / 1000 + toleranceSeconds) {
      throw new InvalidToken("the token was issued later than now");
    }
    return payload;
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed) return undefined;
    const expired = error instanceof errors.JWTExpired;
    if (error instanceof errors.JOSEError) throw new InvalidToken(error.message, { expired, cause: error });
    // A key that does not fit its algorithm.
    if (error instanceof TypeError) throw new InvalidToken(error.message, { cause: error });
    throw error;
  }
}
