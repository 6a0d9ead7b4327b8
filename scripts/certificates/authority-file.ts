import { createPrivateKey, randomUUID, X509Certificate } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import type { KeyPair } from "../../common/certificates/authority.ts";

/** Our authority, and the certificates of those that it took over from and that are still trusted. All PEM. */
export interface Authority extends KeyPair {
  readonly former: readonly string[];
}

/** The certificates that are trusted, the newest first, as ESB_AGENT_TLS_CA wants them. */
export function bundleOf({ certificate, former }: Authority): string {
  return [certificate, ...former].map((text) => `${text.trim()}\n`).join("");
}

/** One file, so that key and certificates are never of different times; undefined: there is none. @throws when it is spoiled */
export async function readAuthority(path: string): Promise<Authority | undefined> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const [certificate, ...former] = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const key = text.match(/-----BEGIN PRIVATE KEY-----[^-]*-----END PRIVATE KEY-----/)?.[0];
  if (certificate === undefined || key === undefined) throw new Error(`${path}: a certificate or its key is missing`);
  if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) {
    throw new Error(`${path}: the key is not that of the first certificate`);
  }
  return { certificate, key, former };
}

/** Puts an authority in the former one's place. */
export async function replaceAuthority(path: string, authority: Authority): Promise<void> {
  await rename(await writtenBeside(path, authority), path);
}

/** @returns the authority that is there afterwards: ours, or that of somebody who was quicker */
export async function firstAuthority(path: string, authority: Authority): Promise<Authority> {
  const unfinished = await writtenBeside(path, authority);
  try {
    await link(unfinished, path);
    return authority;
  } catch (error) {
    const others = await readAuthority(path);
    if (others === undefined) throw error;
    return others;
  } finally {
    await rm(unfinished);
  }
}

async function writtenBeside(path: string, authority: Authority): Promise<string> {
  const unfinished = `${path}.${randomUUID()}`;
  const text = `${authority.certificate.trim()}\n${authority.key.trim()}\n${authority.former.map((one) => `${one.trim()}\n`).join("")}`;
  await writeFile(unfinished, text, { mode: 0o600, flush: true });
  return unfinished;
}
