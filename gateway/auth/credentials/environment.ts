import { ConfigurationError } from "../../../common/environment.ts";
import type { SettingValues } from "../../../common/settings.ts";
import { type CredentialLists, sha256 } from "./credentials.ts";

/** What the environment says of who may call; each stands beside what ESB_AUTH_FILE says. */
export type CredentialSettings = SettingValues<
  "ESB_API_KEY" | "ESB_AUTH_USER" | "ESB_AUTH_PASSWORD" | "ESB_AWS_ACCESS_KEY_ID" | "ESB_AWS_SECRET_ACCESS_KEY"
>;

/** @throws ConfigurationError when half of a pair is missing */
export function environmentCredentials(settings: CredentialSettings): CredentialLists {
  const user = pair(settings, "ESB_AUTH_USER", "ESB_AUTH_PASSWORD");
  const accessKey = pair(settings, "ESB_AWS_ACCESS_KEY_ID", "ESB_AWS_SECRET_ACCESS_KEY");
  const apiKey = settings.ESB_API_KEY;
  return {
    apiKeys: apiKey === undefined ? [] : [{ id: "environment", sha256: sha256(apiKey) }],
    users: user === undefined ? [] : [{ username: user[0], password: { plain: user[1] }, claims: {} }],
    accessKeys: accessKey === undefined ? [] : [{ id: accessKey[0], secret: accessKey[1] }],
  };
}

function pair(
  settings: CredentialSettings,
  name: keyof CredentialSettings,
  secret: keyof CredentialSettings,
): readonly [string, string] | undefined {
  const values = [settings[name], settings[secret]];
  if (values[0] !== undefined && values[1] !== undefined) return [values[0], values[1]];
  if (values[0] === undefined && values[1] === undefined) return undefined;
  const [given, missing] = values[0] === undefined ? [secret, name] : [name, secret];
  throw new ConfigurationError(`${given} is set and ${missing} is not; set both, or neither`);
}

/** Well known, so that examples work at once; only while nobody else can reach the gateway. */
export const developmentApiKey = "esb-development-key";
export const developmentUser = "developer";
export const developmentPassword = "developer";

/** @throws ConfigurationError when they are to keep out others, whom they keep out no more than no lock would */
export function refuseDevelopmentValues({ apiKeys, users }: CredentialLists): void {
  const wellKnown = sha256(developmentApiKey);
  const known = [
    ...(apiKeys.some((key) => key.sha256 === wellKnown) ? [`the API key ${developmentApiKey}`] : []),
    ...users.flatMap(({ username, password }) =>
      "plain" in password && password.plain === developmentPassword ? [`the password of ${username}`] : [],
    ),
  ];
  if (known.length === 0) return;
  throw new ConfigurationError(
    `${known.join(" and ")}: everybody knows it from esb's own documents; expected a secret of your own, unless ESB_MODE=development and ESB_GATEWAY_HOST is a loopback address`,
  );
}

/** What stands in for what is not configured, while only this machine can reach the gateway. */
export function withDevelopmentValues(lists: CredentialLists): CredentialLists {
  return {
    ...lists,
    apiKeys:
      lists.apiKeys.length > 0
        ? lists.apiKeys
        : [{ id: "development", sha256: sha256(developmentApiKey), isWellKnown: true }],
    users:
      lists.users.length > 0
        ? lists.users
        : [{ username: developmentUser, password: { plain: developmentPassword }, claims: {} }],
  };
}
