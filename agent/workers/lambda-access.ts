import { createHash, randomBytes } from "node:crypto";
import type { LambdaAccess } from "./runtime.ts";

/**
 * Credentials for one worker, for as long as it is. They look as AWS's temporary ones do, since that is what SDKs expect
 * and send back by themselves; of the three, only the token is looked at.
 */
export function newLambdaAccess(endpoint: string | undefined): LambdaAccess | undefined {
  if (endpoint === undefined) return undefined;
  return {
    endpoint,
    accessKeyId: `ASIA${randomBytes(8).toString("hex").toUpperCase()}`,
    secretAccessKey: randomBytes(30).toString("base64url"),
    sessionToken: randomBytes(32).toString("base64url"),
  };
}

/** What is kept of a token: SHA-256, in hexadecimal. A token of 256 random bits needs nothing slower. */
export function tokenDigest(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
