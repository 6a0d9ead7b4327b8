import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/** What a hash costs (RFC 7914): memory is 128 * N * r bytes, time grows with N * r * p. */
export interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** 32 MiB; one of those that OWASP's Password Storage Cheat Sheet names. */
export const usualCost: ScryptCost = { N: 2 ** 15, r: 8, p: 3 };

const keyBytes = 32;
const saltBytes = 16;
/** What a hash in a file may ask of us. */
const mostMemoryBytes = 256 * 2 ** 20;
const mostParallel = 16;
/** Node's check counts some of scrypt's own memory on top. */
const maxmem = mostMemoryBytes * 2;

/** A hash of a password; never the password. */
export interface PasswordHash {
  readonly cost: ScryptCost;
  readonly salt: Buffer;
  readonly key: Buffer;
}

/** The hash as text, `scrypt$N$r$p$salt$key`, salt and key in base64url. */
export async function hashPassword(password: string, cost: ScryptCost = usualCost): Promise<string> {
  const { salt, key } = await deriveHash(password, randomBytes(saltBytes), cost);
  return ["scrypt", cost.N, cost.r, cost.p, salt.toString("base64url"), key.toString("base64url")].join("$");
}

const pattern = /^scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([\w-]{11,86})\$([\w-]{43})$/;

/** Undefined when the text is no such hash, or one that would cost too much memory or time. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [, N, r, p, salt = "", key = ""] = pattern.exec(text) ?? [];
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const isPowerOfTwo = cost.N > 1 && Number.isInteger(Math.log2(cost.N));
  if (!isPowerOfTwo || cost.r < 1 || cost.p < 1 || cost.p > mostParallel) return undefined;
  if (128 * cost.N * cost.r > mostMemoryBytes) return undefined;
  return { cost, salt: Buffer.from(salt, "base64url"), key: Buffer.from(key, "base64url") };
}

/** A hash that no password has, to be compared with where there is no user. */
export function impossibleHash(cost: ScryptCost = usualCost): PasswordHash {
  return { cost, salt: randomBytes(saltBytes), key: randomBytes(keyBytes) };
}

export async function deriveHash(password: string, salt: Buffer, cost: ScryptCost): Promise<PasswordHash> {
  // As typed on different keyboards, one password can be several sequences of code points (RFC 8265 section 4.2).
  return { cost, salt, key: await derive(password.normalize("NFC"), salt, keyBytes, { ...cost, maxmem }) };
}

/** Compares in constant time. */
export async function isPassword(password: string, hash: PasswordHash): Promise<boolean> {
  const { key } = await deriveHash(password, hash.salt, hash.cost);
  return timingSafeEqual(key, hash.key);
}
