import { createHash } from "node:crypto";

/** Digests as in the OCI image spec, descriptor.md; these two algorithms are its registered ones. */
const pattern = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;

export function isDigest(text: string): boolean {
  return pattern.test(text);
}

/** sha256 digest of some bytes. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Whether `bytes` are what `digest`, of either algorithm, stands for. */
export function matchesDigest(bytes: Uint8Array, digest: string): boolean {
  const algorithm = digest.slice(0, digest.indexOf(":"));
  return createHash(algorithm).update(bytes).digest("hex") === digest.slice(algorithm.length + 1);
}
