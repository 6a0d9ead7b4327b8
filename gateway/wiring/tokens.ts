import { ConfigurationError } from "../../common/environment.ts";
import { ReloadedFile } from "../../common/files/reloaded.ts";
import { watchFile } from "../../common/files/watch.ts";
import type { Logger } from "../../common/logger.ts";
import type { SettingValues } from "../../common/settings.ts";
import type { User } from "../auth/credentials/credentials.ts";
import { developmentKeyPath, ensureDevelopmentKey } from "../auth/tokens/development-key.ts";
import { fetchIssuerKeys } from "../auth/tokens/discovery.ts";
import { verifyExternal } from "../auth/tokens/external.ts";
import { ExternalKeys } from "../auth/tokens/external-keys.ts";
import { parseKeyRing } from "../auth/tokens/key-file.ts";
import { type KeyRing, type PublicJwk, secretRing } from "../auth/tokens/key-ring.ts";
import { issueToken, verifyOwn } from "../auth/tokens/own.ts";
import { isProtected } from "../auth/tokens/protected-url.ts";
import { VerifiedTokens, type VerifyToken } from "../auth/tokens/verified-tokens.ts";
import type { Clock } from "../pool/clock.ts";

export const tokenSettings = [
  "ESB_JWT_KEYS",
  "ESB_JWT_SECRET",
  "ESB_JWT_ISSUER",
  "ESB_JWT_AUDIENCE",
  "ESB_JWT_TTL_SECONDS",
  "ESB_JWT_EXTERNAL_ISSUER",
  "ESB_JWT_EXTERNAL_AUDIENCE",
  "ESB_JWT_EXTERNAL_JWKS",
  "ESB_STATE_DIR",
] as const;

export type TokenConfiguration = SettingValues<(typeof tokenSettings)[number]>;

/** As `/ready` shows them. */
export interface TokenStatus {
  readonly jwtKeys?: { readonly file: string; readonly count: number; readonly error?: string };
  readonly issuer?: { readonly url: string; readonly error?: string };
}

/** The tokens that routes take, and those that we give out. */
export interface Tokens extends Disposable {
  readonly verified: VerifiedTokens;
  /** Undefined when we sign none. */
  readonly issue: ((user: User) => Promise<string>) | undefined;
  readonly external: boolean;
  readonly published: () => readonly PublicJwk[];
  readonly status: () => TokenStatus;
}

/** Where our keys come from. */
interface OwnKeys extends Disposable {
  ring(): KeyRing;
  status(): TokenStatus;
}

/** @throws (rejects with) ConfigurationError */
export async function openTokens(
  configuration: TokenConfiguration,
  development: boolean,
  clock: Clock,
  logger: Logger,
): Promise<Tokens> {
  using stack = new DisposableStack();
  const issuers = new Map<string, VerifyToken>();
  const verified = new VerifiedTokens(issuers, () => clock.epochMs());
  const forget = () => verified.forget();
  const external = stack.use(openExternal(configuration, development, clock, logger, forget));
  const own = stack.use(await openOwn(configuration, development && external === undefined, logger, forget));
  const { ESB_JWT_ISSUER: issuer, ESB_JWT_AUDIENCE: audience, ESB_JWT_TTL_SECONDS: ttlSeconds } = configuration;
  const terms = { issuer, audience, ttlSeconds };
  if (external !== undefined) issuers.set(external.issuer, external.verify);
  if (own !== undefined) {
    if (issuers.has(issuer)) {
      throw new ConfigurationError(
        "ESB_JWT_ISSUER and ESB_JWT_EXTERNAL_ISSUER are the same; our tokens need a name of their own",
      );
    }
    issuers.set(issuer, (token, header, nowMs) => verifyOwn(token, header, own.ring(), terms, nowMs));
  }
  const release = stack.move();
  return {
    verified,
    issue: own && ((user) => issueToken(user, own.ring(), terms, clock.epochMs())),
    external: external !== undefined,
    published: () => own?.ring().published ?? [],
    status: () => ({ ...own?.status(), ...external?.status() }),
    [Symbol.dispose]: () => release.dispose(),
  };
}

function openExternal(
  configuration: TokenConfiguration,
  development: boolean,
  clock: Clock,
  logger: Logger,
  onChanged: () => void,
) {
  const { ESB_JWT_EXTERNAL_ISSUER: issuer, ESB_JWT_EXTERNAL_JWKS: jwksUrl } = configuration;
  const audiences = configuration.ESB_JWT_EXTERNAL_AUDIENCE;
  if (issuer === undefined) {
    if (jwksUrl === undefined && audiences.length === 0) return undefined;
    const given = jwksUrl === undefined ? "ESB_JWT_EXTERNAL_AUDIENCE" : "ESB_JWT_EXTERNAL_JWKS";
    throw new ConfigurationError(`${given} is set and ESB_JWT_EXTERNAL_ISSUER is not`);
  }
  if (audiences.length === 0) {
    throw new ConfigurationError(
      "ESB_JWT_EXTERNAL_ISSUER is set and ESB_JWT_EXTERNAL_AUDIENCE is not; without it, tokens that the issuer gave out for other applications would be accepted",
    );
  }
  if (!development) refuseUnprotected(issuer, jwksUrl);
  const keys = new ExternalKeys({
    clock,
    fetchKeys: () => fetchIssuerKeys({ issuer, jwksUrl }),
    onChanged,
    onTrouble: (err) => logger.warn({ err, issuer }, "the issuer's keys cannot be had, those that are known hold"),
  });
  // The gateway starts without it: the issuer may be a function behind this very gateway.
  void keys.refresh();
  const verify: VerifyToken = (token, header, nowMs) =>
    verifyExternal(token, header, keys, { issuer, audiences }, nowMs);
  const status = () => ({ issuer: { url: issuer, ...(keys.error === undefined ? {} : { error: keys.error }) } });
  return { issuer, verify, status, [Symbol.dispose]: () => keys[Symbol.dispose]() };
}

/** @throws ConfigurationError where somebody on the way could give out keys of its own, and sign any token with them */
function refuseUnprotected(issuer: string, jwksUrl: string | undefined): void {
  const asked = jwksUrl ?? issuer;
  if (isProtected(asked)) return;
  const name = jwksUrl === undefined ? "ESB_JWT_EXTERNAL_ISSUER" : "ESB_JWT_EXTERNAL_JWKS";
  throw new ConfigurationError(
    `${name}=${asked}: keys for tokens would come without TLS; expected https://, or an address of this machine`,
  );
}

/** Undefined when there are no keys to sign with. */
async function openOwn(
  configuration: TokenConfiguration,
  mayMake: boolean,
  logger: Logger,
  onChanged: () => void,
): Promise<OwnKeys | undefined> {
  const { ESB_JWT_KEYS: path, ESB_JWT_SECRET: secret, ESB_STATE_DIR: stateDir } = configuration;
  if (path !== undefined && secret !== undefined) {
    throw new ConfigurationError("ESB_JWT_KEYS and ESB_JWT_SECRET are both set; set one of them");
  }
  if (secret !== undefined) {
    const ring = secretRing(secret);
    return { ring: () => ring, status: () => ({}), [Symbol.dispose]: () => undefined };
  }
  if (path !== undefined) return await followKeyFile(path, logger, onChanged);
  if (!mayMake) return undefined;
  const made = developmentKeyPath(stateDir);
  try {
    await ensureDevelopmentKey(made);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigurationError(`no key for tokens can be made in ESB_STATE_DIR=${stateDir}: ${why}`);
  }
  return await followKeyFile(made, logger, onChanged);
}

async function followKeyFile(path: string, logger: Logger, onChanged: () => void): Promise<OwnKeys> {
  const source = watchFile(path, () => void file.refresh());
  const file: ReloadedFile<KeyRing> = new ReloadedFile<KeyRing>(source, {
    path,
    parse: (text) => parseKeyRing(text, path),
    onLoaded: ({ signer, keys }) => {
      onChanged();
      logger.info({ file: path, signs: signer.kid, accepted: keys.map(({ kid }) => kid) }, "token keys loaded");
    },
    onError: (error) => logger.error({ file: path, error }, "token keys refused, the last good ones hold"),
  });
  try {
    await file.load();
  } catch (error) {
    source[Symbol.dispose]();
    throw error;
  }
  return {
    ring: () => file.value,
    status() {
      const { error } = file;
      return { jwtKeys: { file: path, count: file.value.keys.length, ...(error === undefined ? {} : { error }) } };
    },
    [Symbol.dispose]: () => source[Symbol.dispose](),
  };
}
