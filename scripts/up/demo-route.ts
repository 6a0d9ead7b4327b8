import { developmentApiKey, developmentPassword, developmentUser } from "../../gateway/auth/credentials/environment.ts";
import type { Demo } from "./demo.ts";
import type { ScriptSettings } from "./settings.ts";

/** The route of deploy/routing.yml that asks for a token. */
const path = "/hello/edge";

interface Credentials {
  readonly apiKey: string;
  readonly user: string;
  readonly password: string;
}

/**
 * Shows a route as API Gateway's clients see it: refused without a token, served with one. Says so where there is no such
 * route or nobody is known. @throws Error when it is not served with a token
 */
export async function showRoute(demo: Demo): Promise<void> {
  const { settings, say } = demo;
  const refused = await get(demo, {});
  await refused.body?.cancel();
  if (refused.status !== 401) {
    say(`\nno route in ESB_ROUTING serves ${path} with a token, so there is none to show`);
    return;
  }
  const credentials = credentialsOf(settings);
  if (credentials === undefined) {
    say(`\nGET ${path} wants a token; with ESB_API_KEY, ESB_AUTH_USER and ESB_AUTH_PASSWORD this would show one`);
    return;
  }
  say(`\nGET ${settings.gatewayUrl}${path}`);
  say("without  401: it wants a token");
  const token = await signIn(demo, credentials);
  const begin = performance.now();
  const served = await get(demo, { authorization: token });
  const body = await served.text();
  if (!served.ok) throw new Error(`the route answered ${served.status} with a token: ${body}`);
  say(`with     ${(performance.now() - begin).toFixed(1)} ms: ${body}`);
}

function credentialsOf({ mode, apiKey, user, password }: ScriptSettings): Credentials | undefined {
  if (apiKey !== undefined && user !== undefined && password !== undefined) return { apiKey, user, password };
  if (mode !== "development") return undefined;
  // Each as it is without its setting.
  return {
    apiKey: apiKey ?? developmentApiKey,
    user: user ?? developmentUser,
    password: password ?? developmentPassword,
  };
}

async function signIn(demo: Demo, { apiKey, user, password }: Credentials): Promise<string> {
  const response = await fetch(`${demo.settings.gatewayUrl}/user/auth/ver1.0`, {
    method: "POST",
    headers: { "x-api-key": apiKey, "content-type": "application/json" },
    body: JSON.stringify({ AuthParameters: { USERNAME: user, PASSWORD: password } }),
    signal: limit(demo),
  });
  const body = await response.text();
  if (!response.ok) throw new Error(`signing in was answered ${response.status}: ${body}`);
  const { AuthenticationResult } = JSON.parse(body) as { AuthenticationResult: { IdToken: string } };
  return AuthenticationResult.IdToken;
}

function get(demo: Demo, headers: Record<string, string>): Promise<Response> {
  return fetch(`${demo.settings.gatewayUrl}${path}`, { headers, signal: limit(demo) });
}

function limit({ signal }: Demo): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(60_000)]);
}
