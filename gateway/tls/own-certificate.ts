import { createPrivateKey, randomUUID, X509Certificate } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import type { KeyPair } from "../../common/certificates/authority.ts";

/** As long as browsers accept (398 days; Apple's and Chrome's root programs). */
const certificateDays = 397;
const authorityDays = 3650;
/** A certificate that ends sooner is replaced. */
const renewBeforeMs = 30 * 86_400_000;

export interface OwnCertificateOptions {
  /** Folder for the authority and the certificate; made when it is not there. */
  readonly dir: string;
  /** Host names and addresses that the certificate must hold for. */
  readonly hosts: readonly string[];
  readonly epochMs: () => number;
}

export interface OwnCertificate {
  readonly pair: KeyPair;
  /** The file that clients may trust. */
  readonly authorityPath: string;
  /** Whether it was made just now. */
  readonly fresh: boolean;
}

/**
 * A certificate of an authority of our own, both kept in files: made when there is none, and anew when it comes near its
 * end or lacks a host. The authority stays, so that who trusts it need not be told of a new certificate.
 */
export async function ownCertificate(options: OwnCertificateOptions): Promise<OwnCertificate> {
  await mkdir(options.dir, { recursive: true });
  const authority = await keptAuthority(options);
  const authorityPath = join(options.dir, "authority", "certificate.pem");
  const path = join(options.dir, "gateway.pem");
  const kept = await readKept(path);
  if (kept !== undefined && isGood(kept, authority, options)) return { pair: kept, authorityPath, fresh: false };
  // Loaded only where it is needed: it takes a fifth of a second.
  const { issueCertificate } = await import("../../common/certificates/authority.ts");
  const pair = await issueCertificate(authority, {
    name: options.hosts[0] ?? "localhost",
    hosts: options.hosts,
    usages: ["server"],
    nowMs: options.epochMs(),
    days: certificateDays,
  });
  const unfinished = `${path}.${randomUUID()}`;
  await writeFile(unfinished, `${pair.certificate}\n${pair.key}\n`, { mode: 0o600 });
  await rename(unfinished, path);
  return { pair, authorityPath, fresh: true };
}

/** The authority in its folder, which appears as a whole: another gateway may be making one at the same time. */
async function keptAuthority({ dir, epochMs }: OwnCertificateOptions): Promise<KeyPair> {
  const folder = join(dir, "authority");
  const kept = await readAuthority(folder);
  if (kept !== undefined && endsAfter(new X509Certificate(kept.certificate), epochMs())) return kept;
  if (kept !== undefined) await rm(folder, { recursive: true, force: true });
  const { makeAuthority } = await import("../../common/certificates/authority.ts");
  const made = await makeAuthority({ name: "esb development authority", nowMs: epochMs(), days: authorityDays });
  const unfinished = await mkdtemp(join(dir, "authority-"));
  await writeFile(join(unfinished, "certificate.pem"), `${made.certificate}\n`);
  await writeFile(join(unfinished, "key.pem"), `${made.key}\n`, { mode: 0o600 });
  try {
    await rename(unfinished, folder);
    return made;
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    const others = await readAuthority(folder);
    if (others === undefined) throw error;
    return others;
  }
}

async function readAuthority(folder: string): Promise<KeyPair | undefined> {
  const certificate = await readIfThere(join(folder, "certificate.pem"));
  const key = await readIfThere(join(folder, "key.pem"));
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

async function readKept(path: string): Promise<KeyPair | undefined> {
  const text = await readIfThere(path);
  return text === undefined ? undefined : { certificate: text, key: text };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function isGood(kept: KeyPair, authority: KeyPair, { hosts, epochMs }: OwnCertificateOptions): boolean {
  try {
    const certificate = new X509Certificate(kept.certificate);
    return (
      endsAfter(certificate, epochMs() + renewBeforeMs) &&
      certificate.checkPrivateKey(createPrivateKey(kept.key)) &&
      certificate.verify(new X509Certificate(authority.certificate).publicKey) &&
      hosts.every((host) => (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined)
    );
  } catch {
    // Half-written or spoiled: it is made anew.
    return false;
  }
}

function endsAfter(certificate: X509Certificate, epochMs: number): boolean {
  return certificate.validToDate.getTime() > epochMs;
}
