import { type Claims, hasAudience } from "./claims.ts";
import type { ExternalKeys } from "./external-keys.ts";
import { InvalidToken } from "./invalid-token.ts";
import { type TokenHeader, verified } from "./own.ts";

/** Those with two keys: a secret that both sides know is no issuer's. */
const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];

export interface ExternalTerms {
  readonly issuer: string;
  readonly audiences: readonly string[];
}

/**
 * The claims of a token of another issuer: an ID token, or an access token. Cognito's access tokens name their client in
 * `client_id` and have no `aud`
 * (docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html).
 * @throws (rejects with) InvalidToken, IssuerAway
 */
export async function verifyExternal(
  token: string,
  header: TokenHeader,
  keys: Pick<ExternalKeys, "keyOf">,
  { issuer, audiences }: ExternalTerms,
  nowMs: number,
): Promise<Claims> {
  if (header.alg === undefined || !algorithms.includes(header.alg))
    throw new InvalidToken("its algorithm is not accepted");
  const { alg, kid } = header;
  const key = await keys.keyOf(kid === undefined ? { alg } : { alg, kid });
  const claims = await verified(token, key, { algorithms: [alg], issuer }, nowMs);
  if (claims === undefined) throw new InvalidToken("its issuer has not signed it");
  const audience = claims.aud === undefined ? { aud: claims.client_id } : claims;
  if (!hasAudience(audience, audiences)) throw new InvalidToken("the token is for another audience");
  const use = claims.token_use;
  if (use !== undefined && use !== "id" && use !== "access") throw new InvalidToken("the token is for another use");
  return claims;
}
