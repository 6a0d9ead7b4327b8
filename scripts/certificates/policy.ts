import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { KeyPair } from "../../common/certificates/authority.ts";

const dayMs = 86_400_000;

export const authorityDays = 3650;
/** Our own programs are the only ones that look at them, so browsers' limits do not matter. */
export const certificateDays = 730;
/** So that a machine which is restarted once a year never has one that has expired. */
const renewDays = 365;
/** Whoever has not read the new files by then never will. */
const overlapDays = 7;

/** A certificate of a role, as it should be. */
export interface Wanted {
  readonly hosts: readonly string[];
}

/** An authority that would end before what it issues gives way to a new one. */
export function isAuthorityNearEnd(certificate: string, nowMs: number): boolean {
  return !validFor(new X509Certificate(certificate), certificateDays, nowMs);
}

/** Those of the former authorities that are still to be trusted. @param current who took over from them, and when */
export function stillTrusted(current: string, former: readonly string[], nowMs: number): readonly string[] {
  const since = new X509Certificate(current).validFromDate.getTime();
  return nowMs - since > overlapDays * dayMs ? [] : former;
}

/** Whether a certificate can stay: of this authority, for these hosts, with its key, and far from its end. */
export function canStay(pair: KeyPair, authority: string, { hosts }: Wanted, nowMs: number): boolean {
  try {
    const certificate = new X509Certificate(pair.certificate);
    return (
      certificate.verify(new X509Certificate(authority).publicKey) &&
      certificate.checkPrivateKey(createPrivateKey(pair.key)) &&
      validFor(certificate, renewDays, nowMs) &&
      hosts.every((host) => (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined)
    );
  } catch {
    // Half-written or spoiled.
    return false;
  }
}

function validFor(certificate: X509Certificate, days: number, nowMs: number): boolean {
  return certificate.validToDate.getTime() - nowMs > days * dayMs;
}
