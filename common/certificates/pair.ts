import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { ConfigurationError } from "../environment.ts";
import type { KeyPair } from "./authority.ts";

/** What a certificate says of itself. */
export interface CertificateFacts {
  readonly subject: string;
  /** SHA-256, as browsers and openssl show it. */
  readonly fingerprint: string;
  readonly validToMs: number;
}

/**
 * Looks whether a certificate and a key are whole and belong together.
 * @param where how the two are named in messages @throws ConfigurationError when they do not
 */
export function checkPair({ certificate, key }: KeyPair, where: string): CertificateFacts {
  const parsed = attempt(`${where}: the certificate cannot be read`, () => new X509Certificate(certificate));
  const privateKey = attempt(`${where}: the key cannot be read`, () => createPrivateKey(key));
  if (!parsed.checkPrivateKey(privateKey)) {
    throw new ConfigurationError(`${where}: the key is not that of the certificate`);
  }
  // What OpenSSL does not like in the rest, such as a chain that breaks off.
  attempt(`${where}: cannot be used for TLS`, () => createSecureContext({ cert: certificate, key }));
  return {
    subject: parsed.subject.replaceAll("\n", ", "),
    fingerprint: parsed.fingerprint256,
    validToMs: parsed.validToDate.getTime(),
  };
}

function attempt<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new ConfigurationError(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
