import { X509Certificate } from "node:crypto";
import type { SecureContextOptions } from "node:tls";
import { type CertificateFacts, checkPair } from "../certificates/pair.ts";
import { ConfigurationError } from "../environment.ts";
import { ReloadedFile } from "../files/reloaded.ts";
import { watchFile } from "../files/watch.ts";
import type { TlsFiles } from "./mode.ts";

/** What a side of the connection shows, and whom it trusts; all PEM. */
export interface TlsMaterial {
  readonly authorities: string;
  readonly certificate: string;
  readonly key: string;
}

/** A process's own certificate for the connection between agent and gateway, as its files are now. */
export interface TlsIdentity extends Disposable {
  readonly files: TlsFiles;
  readonly material: TlsMaterial;
  /** Calls back whenever the files have changed and fit. */
  onChange(callback: (material: TlsMaterial) => void): void;
  /** Until when the certificate is valid, and why the files as they are now do not hold. */
  status(): { readonly validTo: string; readonly error?: string };
}

export interface IdentityContext {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly logger: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

const dayMs = 86_400_000;
const warnBeforeMs = 30 * dayMs;

/** What both sides use: the newest protocol alone, and no authorities but ours. */
export function secureOptions({ authorities, certificate, key }: TlsMaterial): SecureContextOptions {
  return { ca: authorities, cert: certificate, key, minVersion: "TLSv1.3" };
}

/**
 * Reads the files, and again whenever they change; what does not fit leaves what was there before.
 * @throws ConfigurationError when they are missing or do not fit now
 */
export async function openIdentity(files: TlsFiles, { now, logger }: IdentityContext): Promise<TlsIdentity> {
  const listeners: ((material: TlsMaterial) => void)[] = [];
  const where = `ESB_AGENT_TLS_CERT=${files.certificate}, ESB_AGENT_TLS_KEY=${files.key}`;
  const tell = (facts: CertificateFacts) => {
    const { subject, fingerprint, validToMs } = facts;
    const fields = { file: files.certificate, subject, sha256: fingerprint, validTo: inIso(validToMs) };
    if (validToMs < now()) logger.error(fields, "certificate for agent and gateway has expired");
    else if (validToMs < now() + warnBeforeMs) logger.warn(fields, "certificate for agent and gateway expires soon");
    else logger.info(fields, "certificate for agent and gateway loaded");
  };
  const watch = (path: string) => watchFile(path, () => void file.refresh());
  using opening = new DisposableStack();
  const authorities = opening.use(watch(files.authorities));
  const certificate = opening.use(watch(files.certificate));
  const key = opening.use(watch(files.key));
  const file: ReloadedFile<{ material: TlsMaterial; facts: CertificateFacts }> = new ReloadedFile(
    {
      // As one text, which changes when one of them does.
      read: async () =>
        JSON.stringify({
          authorities: await authorities.read(),
          certificate: await certificate.read(),
          key: await key.read(),
        } satisfies TlsMaterial),
    },
    {
      path: `ESB_AGENT_TLS_CA=${files.authorities}, ${where}`,
      parse(text) {
        const material: TlsMaterial = JSON.parse(text);
        checkAuthorities(material.authorities, files.authorities);
        return { material, facts: checkPair(material, where) };
      },
      onLoaded({ material, facts }) {
        tell(facts);
        for (const listener of listeners) listener(material);
      },
      onError: (error) => logger.error({ error }, "certificate for agent and gateway refused, the last good one holds"),
    },
  );
  // Who is not restarted for a year is told in time.
  const daily = setInterval(() => {
    if (file.value.facts.validToMs < now() + warnBeforeMs) tell(file.value.facts);
  }, dayMs).unref();
  opening.defer(() => clearInterval(daily));
  await file.load();
  const opened = opening.move();
  return {
    files,
    get material() {
      return file.value.material;
    },
    onChange: (callback) => void listeners.push(callback),
    status: () => ({
      validTo: inIso(file.value.facts.validToMs),
      ...(file.error === undefined ? {} : { error: file.error }),
    }),
    [Symbol.dispose]: () => opened.dispose(),
  };
}

function checkAuthorities(text: string, path: string): void {
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    if (certificates.length === 0) throw new Error("there is no certificate in it");
    for (const certificate of certificates) new X509Certificate(certificate);
  } catch (error) {
    throw new ConfigurationError(`ESB_AGENT_TLS_CA=${path}: cannot be read: ${(error as Error).message}`);
  }
}

function inIso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
