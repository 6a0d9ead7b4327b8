import type { JSONWebKeySet } from "jose";
import { z } from "zod";
import { isProtected } from "./protected-url.ts";

/** How long the issuer may take for each answer. */
const answerWithinMs = 5_000;
const largestAnswerBytes = 2 ** 20;

const metadataSchema = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });
const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });

export interface IssuerAddress {
  readonly issuer: string;
  /** Where its keys are; undefined: as its discovery document says. */
  readonly jwksUrl: string | undefined;
}

/**
 * Asks an issuer for its keys, by way of OpenID Connect discovery (openid.net/specs/openid-connect-discovery-1_0.html,
 * section 4) where it is not known where they are.
 * @throws (rejects) when it cannot be reached, or does not say what it should
 */
export async function fetchIssuerKeys({ issuer, jwksUrl }: IssuerAddress, get = getJson): Promise<JSONWebKeySet> {
  const url = jwksUrl ?? (await discover(issuer, get));
  const set = keySetSchema.safeParse(await get(url));
  if (!set.success) throw new Error(`${url} is no JSON Web Key Set`);
  return set.data;
}

async function discover(issuer: string, get: typeof getJson): Promise<string> {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const metadata = metadataSchema.safeParse(await get(url));
  if (!metadata.success) throw new Error(`${url} has no issuer and jwks_uri`);
  const { issuer: told, jwks_uri: found } = metadata.data;
  // Section 4.3: else somebody could give out another's keys as its own.
  if (told !== issuer) throw new Error(`${url} is of another issuer, ${told}`);
  const worse = issuer.startsWith("https:") ? !found.startsWith("https:") : isProtected(issuer) && !isProtected(found);
  if (worse) throw new Error(`${url} leads to keys without TLS`);
  return found;
}

async function getJson(url: string): Promise<unknown> {
  const answer = await fetch(url, {
    headers: { accept: "application/json" },
    redirect: "error",
    signal: AbortSignal.timeout(answerWithinMs),
  });
  if (answer.status !== 200) {
    await answer.body?.cancel();
    throw new Error(`${url} answers ${answer.status}`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length;
    if (bytes > largestAnswerBytes) throw new Error(`${url} answers with more than ${largestAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString());
}
