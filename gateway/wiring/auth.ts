import type { IncomingMessage } from "node:http";
import { ConfigurationError } from "../../common/environment.ts";
import type { Logger } from "../../common/logger.ts";
import type { SettingName, SettingValues } from "../../common/settings.ts";
import { clientAddress, type TrustedProxies } from "../apigateway/client-address.ts";
import type { Authorizer } from "../auth/authorization.ts";
import { RouteAuthorizer } from "../auth/authorizer.ts";
import { type CallerCheck, CallerChecks } from "../auth/callers/check.ts";
import { closedCheck } from "../auth/callers/closed.ts";
import { loopbackCheck, openCheck } from "../auth/callers/loopback.ts";
import { SigV4Check } from "../auth/callers/sigv4.ts";
import { ApiKeyCheck, TokenCheck } from "../auth/callers/token.ts";
import { developmentApiKey, developmentUser } from "../auth/credentials/environment.ts";
import { PasswordCheck } from "../auth/passwords/check.ts";
import { type AuthMeans, missingForLambda, missingForRoute } from "../auth/requirements.ts";
import type { SignInRouteOptions } from "../auth/sign-in/routes.ts";
import type { SignInContext } from "../auth/sign-in/sign-in.ts";
import { Throttle } from "../auth/sign-in/throttle.ts";
import type { VariableLookup } from "../files/substitute.ts";
import { addressGroup } from "../http/address-group.ts";
import { isDevelopment } from "../mode.ts";
import type { Clock } from "../pool/clock.ts";
import type { RouteAuth } from "../routing/definition.ts";
import { type CredentialStatus, type CurrentCredentials, credentialSettings, openCredentials } from "./credentials.ts";
import { openTokens, type TokenStatus, type Tokens, tokenSettings } from "./tokens.ts";

export const authSettings = [
  ...credentialSettings,
  ...tokenSettings,
  "ESB_LAMBDA_AUTH",
  "ESB_MODE",
  "ESB_GATEWAY_HOST",
  "ESB_REGION",
] as const satisfies readonly SettingName[];

export type AuthConfiguration = SettingValues<(typeof authSettings)[number]>;

/** Wrong attempts to sign in, of one address and with one API key, which a whole application may share. */
const failuresOfAddress = { failures: 20, seconds: 60 };
const failuresOfKey = { failures: 200, seconds: 60 };

/** Who may call. */
export interface Auth extends Disposable {
  readonly authorizer: Authorizer;
  /** Of Lambda's API. */
  readonly callers: CallerChecks;
  readonly signIn: Omit<SignInRouteOptions, "cors">;
  readonly status: () => CredentialStatus & TokenStatus;
  /** Why nobody could call a route with this `auth`; undefined: somebody can. */
  readonly missingForRoute: (auth: RouteAuth) => string | undefined;
  /** Calls back when other credentials hold, with which `missingForRoute` may say something else. */
  onCredentials(callback: () => void): void;
}

export interface AuthContext {
  readonly lookup: VariableLookup;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly trusted: TrustedProxies;
}

/** @throws (rejects with) ConfigurationError when something is missing or contradicts itself */
export async function openAuth(configuration: AuthConfiguration, context: AuthContext): Promise<Auth> {
  using stack = new DisposableStack();
  const { clock, logger } = context;
  const development = isDevelopment(configuration);
  const tokens = stack.use(await openTokens(configuration, development, clock, logger));
  const credentials = stack.use(await openCredentials(configuration, development, context.lookup, logger));
  const means = (): AuthMeans => ({
    signs: tokens.issue !== undefined,
    external: tokens.external,
    ...credentials.now().counts,
  });
  const callers = new CallerChecks(clientChecks(configuration, development, tokens, credentials, clock));
  const mode = configuration.ESB_LAMBDA_AUTH;
  const missing =
    (mode === "auto" && !development) || mode === "required" ? missingForLambda(mode, means()) : undefined;
  if (missing !== undefined) throw new ConfigurationError(missing);
  if (development) warnOfDevelopment(credentials, logger);
  const release = stack.move();
  return {
    authorizer: new RouteAuthorizer(tokens.verified, (key) => credentials.now().apiKey(key)),
    callers,
    signIn: {
      context: signInContext(tokens, credentials, logger),
      addressOf: (message) => addressOf(message, context.trusted),
      published: tokens.published,
    },
    status: () => ({ ...credentials.status(), ...tokens.status() }),
    missingForRoute: (auth) => missingForRoute(auth, means()),
    onCredentials: (callback) => credentials.onChange(callback),
    [Symbol.dispose]: () => release.dispose(),
  };
}

function clientChecks(
  { ESB_LAMBDA_AUTH: mode, ESB_REGION: region }: AuthConfiguration,
  development: boolean,
  tokens: Tokens,
  credentials: CurrentCredentials,
  clock: Clock,
): readonly CallerCheck[] {
  if (mode === "open") return [openCheck];
  if (mode === "off") return [closedCheck];
  const find = (accessKeyId: string, sessionToken: string | undefined) => {
    // Those who have a session token got it with a key that is not one of these.
    const key = sessionToken === undefined ? credentials.now().accessKey(accessKeyId) : undefined;
    return key && { secret: key.secret, caller: { kind: "access-key", name: key.id } as const };
  };
  return [
    ...(mode === "auto" && development ? [loopbackCheck] : []),
    new SigV4Check({ region, find, epochMs: () => clock.epochMs() }),
    new TokenCheck(tokens.verified),
    new ApiKeyCheck((key) => credentials.now().apiKey(key)),
  ];
}

function addressOf({ socket, headers }: IncomingMessage, trusted: TrustedProxies): string {
  const forwarded = headers["x-forwarded-for"];
  const list = forwarded === undefined ? [] : [["x-forwarded-for", String(forwarded)] as const];
  return clientAddress(socket.remoteAddress ?? "", list, trusted);
}

function signInContext(tokens: Tokens, credentials: CurrentCredentials, logger: Logger): () => SignInContext {
  const passwords = new PasswordCheck();
  const ofAddress = new Throttle(failuresOfAddress);
  const ofKey = new Throttle(failuresOfKey);
  return () => {
    // One state of the file for one request.
    const current = credentials.now();
    return {
      apiKey: (key) => current.apiKey(key),
      user: (username) => current.user(username),
      anyHash: () => current.anyHash,
      isRight: (password, known, like) => passwords.isRight(password, known, like),
      issue: tokens.issue,
      attemptOfAddress: (address) => ofAddress.attempt(addressGroup(address)),
      attemptOfKey: (keyId) => ofKey.attempt(keyId),
      onRefused: (why, fields) => logger.info({ ...fields, why }, "sign-in refused"),
    };
  };
}

function warnOfDevelopment(credentials: CurrentCredentials, logger: Logger): void {
  const now = credentials.now();
  const wellKnown = [
    ...(now.apiKey(developmentApiKey) === undefined ? [] : [`the API key ${developmentApiKey}`]),
    ...(now.user(developmentUser) === undefined ? [] : [`the user ${developmentUser}`]),
  ];
  logger.warn(
    { wellKnown },
    "ESB_MODE=development: secrets that are not set have well-known values; never use it where others can reach the gateway",
  );
}
