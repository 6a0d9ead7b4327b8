import type { RouteAuth } from "../routing/definition.ts";

/** What there is to know callers by. */
export interface AuthMeans {
  /** Whether we sign tokens. */
  readonly signs: boolean;
  /** Whether tokens of an issuer elsewhere are accepted. */
  readonly external: boolean;
  readonly apiKeys: number;
  readonly users: number;
  readonly accessKeys: number;
}

const inDevelopment = "ESB_MODE=development has values of its own while ESB_GATEWAY_HOST is a loopback address";

/** Why nobody could ever call a route with this `auth`, and what to set; undefined: somebody can. */
export function missingForRoute(auth: RouteAuth, means: AuthMeans): string | undefined {
  switch (auth) {
    case "none":
      return undefined;
    case "api-key":
      if (means.apiKeys > 0) return undefined;
      return `needs an API key, and there is none; set ESB_API_KEY, or apiKeys in ESB_AUTH_FILE (${inDevelopment})`;
    case "jwt":
      return missingForTokens(means);
  }
}

function missingForTokens({ signs, external, apiKeys, users }: AuthMeans): string | undefined {
  if (external) return undefined;
  const missing = [
    ...(signs ? [] : ["a key that signs tokens: set ESB_JWT_KEYS or ESB_JWT_SECRET"]),
    ...(users > 0 ? [] : ["a user: set ESB_AUTH_USER and ESB_AUTH_PASSWORD, or users in ESB_AUTH_FILE"]),
    ...(apiKeys > 0 ? [] : ["an API key: set ESB_API_KEY, or apiKeys in ESB_AUTH_FILE"]),
  ];
  if (missing.length === 0) return undefined;
  return `needs tokens, for which there is not ${missing.join("; nor ")}; or set ESB_JWT_EXTERNAL_ISSUER (${inDevelopment})`;
}

/** Why nobody could ever call Lambda's API, where credentials are asked for; undefined: somebody can. */
export function missingForLambda(mode: "auto" | "required", means: AuthMeans): string | undefined {
  if (means.apiKeys > 0 || means.accessKeys > 0 || missingForTokens(means) === undefined) return undefined;
  return `ESB_LAMBDA_AUTH=${mode}: Lambda's API asks for credentials, and nobody has any; set ESB_API_KEY, or ESB_AWS_ACCESS_KEY_ID and ESB_AWS_SECRET_ACCESS_KEY, or ESB_AUTH_FILE, or ESB_JWT_EXTERNAL_ISSUER; or ESB_LAMBDA_AUTH=open or =off (${inDevelopment})`;
}
