import { z } from "zod";
import type { Challenge } from "./challenge.ts";
import type { Credentials } from "./credentials.ts";
import { RegistryError } from "./errors.ts";
import type { RegistryHttp } from "./http.ts";

const answerSchema = z.object({ token: z.string().optional(), access_token: z.string().optional() });

/**
 * Gets a token for reading a repository from the server that a registry's challenge names (distribution spec, "Token
 * Authentication Specification"): with credentials if there are any, else anonymously.
 * @throws RegistryError
 */
export async function fetchToken(
  http: RegistryHttp,
  challenge: Challenge,
  repository: string,
  credentials: Credentials | undefined,
  signal: AbortSignal,
): Promise<string> {
  const fail = (message: string, passing = false) => new RegistryError("IMAGE_PULL_FAILED", message, { passing });
  const realm = challenge.parameters.get("realm") ?? "";
  if (!URL.canParse(realm)) throw fail(`the registry names no server for tokens (${JSON.stringify(realm)})`);
  const url = new URL(realm);
  const service = challenge.parameters.get("service");
  if (service !== undefined) url.searchParams.set("service", service);
  url.searchParams.set("scope", challenge.parameters.get("scope") ?? `repository:${repository}:pull`);
  const headers = credentials === undefined ? {} : { authorization: basic(credentials) };

  const response = await http.send(url, { method: "GET", headers }, signal);
  if (response.status === 401 || response.status === 403) {
    await response.body.dump();
    throw fail(`${url.host} refuses a token for ${repository}: ${advice(credentials)}`);
  }
  if (response.status !== 200) {
    await response.body.dump();
    throw fail(`${url.host} gave no token but status ${response.status}`, response.status >= 500);
  }
  const answer = answerSchema.safeParse(await response.body.json().catch(() => undefined));
  const token = answer.data?.token ?? answer.data?.access_token;
  if (!token) throw fail(`${url.host} gave an answer without a token`);
  return token;
}

export function basic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** What to do about a refusal. */
export function advice(credentials: Credentials | undefined): string {
  return credentials === undefined
    ? "it needs credentials (ESB_REGISTRY_AUTH), or the image does not exist"
    : `it does not accept the credentials of ${credentials.username} (ESB_REGISTRY_AUTH)`;
}
