import { createHmac } from "node:crypto";
import { CompactSign, type CryptoKey, calculateJwkThumbprint, compactVerify, importJWK, type JWK } from "jose";

/** A key as jose takes it: a secret as bytes. */
type Key = CryptoKey | Uint8Array;

export interface VerificationKey {
  readonly kid: string;
  readonly algorithm: "ES256" | "HS256";
  readonly key: Key;
}

export interface SigningKey extends VerificationKey {
  readonly signingKey: Key;
}

/** A public key as others may see it (RFC 7517). */
export type PublicJwk = Readonly<Pick<JWK, "kty" | "crv" | "x" | "y" | "kid" | "alg" | "use">>;

/** Our keys at one moment: one signs, all verify. */
export interface KeyRing {
  readonly signer: SigningKey;
  /** The signer among them. */
  readonly keys: readonly VerificationKey[];
  /** Never a secret, nor what is derived from one. */
  readonly published: readonly PublicJwk[];
}

/** An elliptic curve key of a key set; without `d` it only verifies. */
export interface EcJwk {
  readonly kty: "EC";
  readonly crv: "P-256";
  readonly x: string;
  readonly y: string;
  readonly d?: string | undefined;
  readonly kid?: string | undefined;
}

/** A secret of a key set, in base64url. */
export interface SecretJwk {
  readonly kty: "oct";
  readonly k: string;
  readonly kid?: string | undefined;
}

export type OwnJwk = EcJwk | SecretJwk;

/** What a key is, ready to be used. @throws when it is no key, such as a point that is not on the curve */
export async function importKey(jwk: OwnJwk): Promise<VerificationKey & { signingKey?: Key; published?: PublicJwk }> {
  if (jwk.kty === "oct") return secretKey(Buffer.from(jwk.k, "base64url"), jwk.kid);
  const { kty, crv, x, y, d } = jwk;
  const kid = jwk.kid ?? (await calculateJwkThumbprint({ kty, crv, x, y }));
  const key = await importJWK({ kty, crv, x, y }, "ES256");
  const published = { kty, crv, x, y, kid, alg: "ES256", use: "sig" } as const;
  if (d === undefined) return { kid, algorithm: "ES256", key, published };
  const signingKey = await importJWK({ kty, crv, x, y, d }, "ES256");
  // The private half may belong to another public one, which importing does not find out.
  const probe = await new CompactSign(Buffer.from(kid)).setProtectedHeader({ alg: "ES256" }).sign(signingKey);
  await compactVerify(probe, key);
  return { kid, algorithm: "ES256", key, published, signingKey };
}

function secretKey(secret: Buffer, kid: string | undefined): SigningKey {
  // A plain hash of the secret must not be told (RFC 7638 section 7).
  const own = () => createHmac("sha256", secret).update("kid").digest("base64url").slice(0, 16);
  return { kid: kid ?? own(), algorithm: "HS256", key: secret, signingKey: secret };
}

/** The ring of one secret. */
export function secretRing(secret: string): KeyRing {
  const signer = secretKey(Buffer.from(secret), undefined);
  return { signer, keys: [signer], published: [] };
}
