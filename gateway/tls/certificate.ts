import { hostname } from "node:os";
import { join } from "node:path";
import type { KeyPair } from "../../common/certificates/authority.ts";
import { type CertificateFacts, checkPair } from "../../common/certificates/pair.ts";
import { ConfigurationError } from "../../common/environment.ts";
import { ReloadedFile } from "../../common/files/reloaded.ts";
import { watchFile } from "../../common/files/watch.ts";
import type { SettingValues } from "../../common/settings.ts";
import { isDevelopment } from "../mode.ts";
import type { Clock } from "../pool/clock.ts";
import { ownCertificate } from "./own-certificate.ts";

export type TlsConfiguration = SettingValues<
  "ESB_TLS" | "ESB_TLS_CERT" | "ESB_TLS_KEY" | "ESB_GATEWAY_HOST" | "ESB_MODE" | "ESB_STATE_DIR"
>;

/** What the gateway's port shows to its clients. */
export interface Certificate extends Disposable {
  /** The pair that holds now. */
  readonly pair: KeyPair;
  /** Calls back whenever another pair holds. */
  onChange(callback: (pair: KeyPair) => void): void;
  /** For /ready: until when it is valid, and why the files as they are now do not hold. */
  status(): CertificateStatus;
}

export interface CertificateStatus {
  readonly validTo: string;
  readonly error?: string;
}

export interface CertificateContext {
  readonly clock: Pick<Clock, "after" | "epochMs">;
  readonly logger: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

/** A certificate of our own is looked at this often. */
const lookAgainMs = 86_400_000;

/**
 * The certificate by the settings; undefined: the port speaks plain HTTP.
 * @throws ConfigurationError when files are missing or do not fit
 */
export async function openCertificate(
  configuration: TlsConfiguration,
  context: CertificateContext,
): Promise<Certificate | undefined> {
  const { ESB_TLS: tls, ESB_TLS_CERT: certificate, ESB_TLS_KEY: key, ESB_GATEWAY_HOST: host } = configuration;
  if (tls === "off") {
    // Whoever sets these wants nobody to read along.
    const given = certificate !== undefined ? "ESB_TLS_CERT" : key !== undefined ? "ESB_TLS_KEY" : undefined;
    if (given === undefined) return undefined;
    throw new ConfigurationError(`${given} is set and ESB_TLS is off; expected ESB_TLS=on, or neither`);
  }
  if (certificate !== undefined && key !== undefined) return await fromFiles(certificate, key, context);
  if (certificate !== undefined || key !== undefined) {
    throw new ConfigurationError(
      `ESB_TLS=on: ESB_TLS_CERT and ESB_TLS_KEY belong together, and ${key === undefined ? "ESB_TLS_KEY" : "ESB_TLS_CERT"} is not set`,
    );
  }
  if (!isDevelopment(configuration)) {
    throw new ConfigurationError(
      "ESB_TLS=on: ESB_TLS_CERT and ESB_TLS_KEY are not set; only with ESB_MODE=development and a loopback ESB_GATEWAY_HOST does the gateway make a certificate of its own",
    );
  }
  return await ofOurOwn(join(configuration.ESB_STATE_DIR, "gateway", "tls"), host, context);
}

/** Two files, read again when either changes; what does not fit leaves the last good pair. */
async function fromFiles(certificatePath: string, keyPath: string, context: CertificateContext): Promise<Certificate> {
  const listeners: ((pair: KeyPair) => void)[] = [];
  const where = `ESB_TLS_CERT=${certificatePath}, ESB_TLS_KEY=${keyPath}`;
  const refresh = () => void file.refresh();
  const watched = { certificate: watchFile(certificatePath, refresh), key: watchFile(keyPath, refresh) };
  const file: ReloadedFile<{ pair: KeyPair; facts: CertificateFacts }> = new ReloadedFile(
    {
      // As one text, which changes when either does.
      read: async () =>
        JSON.stringify({ certificate: await watched.certificate.read(), key: await watched.key.read() }),
    },
    {
      path: where,
      parse(text) {
        const pair: KeyPair = JSON.parse(text);
        return { pair, facts: checkPair(pair, where) };
      },
      onLoaded({ pair, facts }) {
        tell(facts, certificatePath, context);
        for (const listener of listeners) listener(pair);
      },
      onError: (error) => context.logger.error({ error }, "certificate refused, the last good one holds"),
    },
  );
  const dispose = () => {
    watched.certificate[Symbol.dispose]();
    watched.key[Symbol.dispose]();
  };
  try {
    await file.load();
  } catch (error) {
    dispose();
    throw error;
  }
  return {
    get pair() {
      return file.value.pair;
    },
    onChange: (callback) => void listeners.push(callback),
    status: () => ({
      validTo: new Date(file.value.facts.validToMs).toISOString(),
      ...(file.error === undefined ? {} : { error: file.error }),
    }),
    [Symbol.dispose]: dispose,
  };
}

/** Made once and kept; made anew in time, also while the gateway runs. */
async function ofOurOwn(dir: string, host: string, context: CertificateContext): Promise<Certificate> {
  const { clock, logger } = context;
  const hosts = [...new Set([host, "localhost", "127.0.0.1", "::1", hostname()])];
  const make = () => ownCertificate({ dir, hosts, epochMs: clock.epochMs });
  const listeners: ((pair: KeyPair) => void)[] = [];
  let held = await make();
  let facts = checkPair(held.pair, dir);
  tell(facts, held.authorityPath, context);
  const look = async () => {
    try {
      const next = await make();
      if (!next.fresh) return;
      held = next;
      facts = checkPair(held.pair, dir);
      tell(facts, held.authorityPath, context);
      for (const listener of listeners) listener(held.pair);
    } catch (err) {
      logger.warn({ err, folder: dir }, "certificate could not be renewed");
    }
  };
  let cancel: () => void;
  const arm = () => {
    cancel = clock.after(lookAgainMs, () => void look().finally(arm));
  };
  arm();
  return {
    get pair() {
      return held.pair;
    },
    onChange: (callback) => void listeners.push(callback),
    status: () => ({ validTo: new Date(facts.validToMs).toISOString() }),
    [Symbol.dispose]: () => cancel(),
  };
}

function tell(facts: CertificateFacts, file: string, { clock, logger }: CertificateContext): void {
  const { subject, fingerprint, validToMs } = facts;
  const fields = { file, subject, sha256: fingerprint, validTo: new Date(validToMs).toISOString() };
  if (validToMs < clock.epochMs()) logger.warn(fields, "certificate has expired");
  else logger.info(fields, "certificate loaded");
}
