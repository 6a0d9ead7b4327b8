import { createHash, randomUUID } from "node:crypto";

/** Claims that say who vouches for a token, for whom and how long; users have no say in them. */
export const reservedClaims: ReadonlySet<string> = new Set([
  "iss",
  "aud",
  "exp",
  "iat",
  "nbf",
  "jti",
  "token_use",
  "auth_time",
  "cognito:username",
]);

/** Claims of a token. */
export type Claims = Readonly<Record<string, unknown>>;

export interface TokenTerms {
  readonly issuer: string;
  readonly audience: string;
  readonly ttlSeconds: number;
}

/**
 * The claims of an ID token, named as Cognito names them
 * (docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html).
 * @param nowMs milliseconds since 1970
 */
export function idTokenClaims(
  user: { readonly username: string; readonly claims: Claims },
  { issuer, audience, ttlSeconds }: TokenTerms,
  nowMs: number,
): Claims {
  const nowSeconds = Math.floor(nowMs / 1000);
  return {
    sub: subjectOf(issuer, user.username),
    ...user.claims,
    iss: issuer,
    aud: audience,
    "cognito:username": user.username,
    token_use: "id",
    auth_time: nowSeconds,
    iat: nowSeconds,
    exp: nowSeconds + ttlSeconds,
    jti: randomUUID(),
  };
}

/** A UUID (RFC 9562, version 8) as Cognito's `sub` is one: always the same for one user of one issuer. */
function subjectOf(issuer: string, username: string): string {
  const bytes = createHash("sha256")
    .update(JSON.stringify([issuer, username]))
    .digest()
    .subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** What a token may do, from `scope` (RFC 8693 section 4.2) or `scp`; undefined when it has neither. */
export function scopesOf(claims: Claims): readonly string[] | undefined {
  const scopes = claims.scope ?? claims.scp;
  if (typeof scopes === "string") return scopes.split(" ").filter((scope) => scope !== "");
  if (Array.isArray(scopes)) return scopes.filter((scope) => typeof scope === "string");
  return undefined;
}

/** @returns whether one of `accepted` is in `aud`, which is one audience or several (RFC 7519 section 4.1.3) */
export function hasAudience(claims: Claims, accepted: readonly string[]): boolean {
  const { aud } = claims;
  return (Array.isArray(aud) ? aud : [aud]).some((one) => accepted.includes(one));
}
