import "reflect-metadata"; // @peculiar/x509 is built on tsyringe, which asks for it.
import { randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";

/** A certificate and its private key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface Validity {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly days: number;
}

export interface IssueOptions extends Validity {
  /** The subject's common name. */
  readonly name: string;
  /** Host names and IP addresses that the certificate holds for. */
  readonly hosts: readonly string[];
  /** What its owner does with it: answers, calls, or both (mutual TLS). */
  readonly usages: readonly ("server" | "client")[];
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const dayMs = 86_400_000;
/** Clocks of other machines may be behind ours. */
const clockSkewMs = 3_600_000;

const usageIds = { server: x509.ExtendedKeyUsage.serverAuth, client: x509.ExtendedKeyUsage.clientAuth } as const;

/** Makes an authority of our own (EC P-256), which issues certificates for hosts but no further authorities. */
export async function makeAuthority({ name, ...validity }: Validity & { readonly name: string }): Promise<KeyPair> {
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...period(validity),
    serialNumber: serialNumber(),
    name: subject(name),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString("pem"), key: await toPem(keys.privateKey) };
}

/** Issues a certificate with a new key (EC P-256). @throws when the authority's PEM texts are none */
export async function issueCertificate(authority: KeyPair, options: IssueOptions): Promise<KeyPair> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const signingKey = await webcrypto.subtle.importKey(
    "pkcs8",
    x509.PemConverter.decodeFirst(authority.key),
    algorithm,
    false,
    ["sign"],
  );
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    ...period(options),
    serialNumber: serialNumber(),
    subject: subject(options.name),
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(options.usages.map((usage) => usageIds[usage])),
      new x509.SubjectAlternativeNameExtension(
        options.hosts.map((value) => ({ type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString("pem"), key: await toPem(keys.privateKey) };
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

async function toPem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

/** As parts, so that no character of a name can be taken for syntax. */
function subject(name: string): x509.JsonName {
  return [{ O: ["edge-serverless-box"] }, { CN: [name] }];
}

function period({ nowMs, days }: Validity): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(nowMs - clockSkewMs), notAfter: new Date(nowMs + days * dayMs) };
}

/** Positive, and of 20 octets at most (RFC 5280 section 4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}
