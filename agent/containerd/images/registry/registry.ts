import { setTimeout as sleep } from "node:timers/promises";
import { digestOf, isDigest, matchesDigest } from "../digest.ts";
import { mediaTypes } from "../oci.ts";
import { type ImageReference, registryHost } from "../reference.ts";
import { parseChallenges } from "./challenge.ts";
import { type Credentials, readCredentials } from "./credentials.ts";
import { connectionError, RegistryError } from "./errors.ts";
import { type HttpRequest, type HttpResponse, openHttp, type RegistryHttp, type RegistryOptions } from "./http.ts";
import { requestDelays } from "./retry.ts";
import { advice, basic, fetchToken } from "./token.ts";

export interface FetchedManifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
  readonly digest: string;
}

/** One repository of a registry (OCI distribution spec), for the time of a pull. */
export interface Repository extends AsyncDisposable {
  /** `host` or `host:port` that is spoken to. */
  readonly host: string;
  /** Digest that a tag stands for now; undefined when the registry names none, or none that we know. */
  head(tagOrDigest: string, signal: AbortSignal): Promise<string | undefined>;
  /** A manifest or index, checked against its digest if that is known. @throws AgentError IMAGE_NOT_FOUND */
  manifest(tagOrDigest: string, signal: AbortSignal): Promise<FetchedManifest>;
  /** A blob's bytes; status 206 when the registry begins at `offsetBytes`, else 200. */
  blob(digest: string, offsetBytes: number, signal: AbortSignal): Promise<HttpResponse>;
}

const manifestLimitBytes = 4 * 1024 * 1024;
const accept = [mediaTypes.index, mediaTypes.manifest, mediaTypes.dockerIndex, mediaTypes.dockerManifest].join(", ");

/** Every method throws AgentErrors: IMAGE_NOT_FOUND, or IMAGE_PULL_FAILED with what to do about it. */
export async function openRepository(reference: ImageReference, options: RegistryOptions): Promise<Repository> {
  const { authFile } = options;
  const credentials = authFile === undefined ? undefined : await readCredentials(authFile, reference.registry);
  const http = await openHttp(options);
  const host = registryHost(reference.registry);
  const session = createSession(http, host, reference.repository, credentials);
  const send = (path: string, request: HttpRequest, signal: AbortSignal) =>
    session(http.urlOf(host, `/v2/${reference.repository}/${path}`), request, signal);

  return {
    host,
    async head(tagOrDigest, signal) {
      const response = await send(`manifests/${tagOrDigest}`, { method: "HEAD", headers: { accept } }, signal);
      await response.body.dump();
      await expectFound(response, reference, tagOrDigest);
      const digest = response.headers["docker-content-digest"];
      return typeof digest === "string" && isDigest(digest) ? digest : undefined;
    },
    async manifest(tagOrDigest, signal) {
      const response = await send(`manifests/${tagOrDigest}`, { method: "GET", headers: { accept } }, signal);
      await expectFound(response, reference, tagOrDigest);
      const bytes = await readLimited(response, reference.name, signal);
      if (tagOrDigest.includes(":") && !matchesDigest(bytes, tagOrDigest)) {
        throw new RegistryError("IMAGE_INVALID", `${host} sent another manifest than ${tagOrDigest}`, {
          passing: false,
        });
      }
      const mediaType = String(response.headers["content-type"] ?? "").replace(/;.*/, "");
      return { bytes, mediaType, digest: tagOrDigest.includes(":") ? tagOrDigest : digestOf(bytes) };
    },
    async blob(digest, offsetBytes, signal) {
      const headers = offsetBytes > 0 ? { range: `bytes=${offsetBytes}-` } : {};
      const response = await send(`blobs/${digest}`, { method: "GET", headers }, signal);
      await expectFound(response, reference, digest);
      return response;
    },
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  };
}

/** Sends requests with what the registry asks for as authorization, and once more what fails in passing. */
function createSession(
  http: RegistryHttp,
  host: string,
  repository: string,
  credentials: Credentials | undefined,
): RegistryHttp["send"] {
  let authorization: string | undefined;

  const authorised: RegistryHttp["send"] = async (url, { method, headers }, signal) => {
    const sent = authorization === undefined ? headers : { ...headers, authorization };
    const response = await http.send(url, { method, headers: sent }, signal);
    if (response.status !== 401 || response.host !== host) return response;
    await response.body.dump();
    authorization = await answer(String(response.headers["www-authenticate"] ?? ""), signal);
    return http.send(url, { method, headers: { ...headers, authorization } }, signal);
  };
  const answer = async (header: string, signal: AbortSignal): Promise<string> => {
    const challenges = parseChallenges(header);
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer) return `Bearer ${await fetchToken(http, bearer, repository, credentials, signal)}`;
    if (credentials && challenges.some(({ scheme }) => scheme === "basic")) return basic(credentials);
    const message = `registry ${host} refuses ${repository}: ${advice(credentials)}`;
    throw new RegistryError("IMAGE_PULL_FAILED", message, { passing: false });
  };

  return async (url, request, signal) => {
    for (const delayMs of [...requestDelays, undefined]) {
      try {
        const response = await authorised(url, request, signal);
        if (response.status === 401 || response.status === 403) {
          await response.body.dump();
          const message = `registry ${response.host} refuses ${repository}: ${advice(credentials)}`;
          throw new RegistryError("IMAGE_PULL_FAILED", message, { passing: false });
        }
        if (response.status < 500 && response.status !== 429) return response;
        await response.body.dump();
        const message = `registry ${response.host} answers with status ${response.status}`;
        throw new RegistryError("IMAGE_PULL_FAILED", message, { passing: true });
      } catch (error) {
        if (delayMs === undefined || !(error instanceof RegistryError) || !error.passing) throw error;
        await sleep(delayMs, undefined, { signal });
      }
    }
    throw new Error("unreachable");
  };
}

async function expectFound(response: HttpResponse, reference: ImageReference, what: string): Promise<void> {
  if (response.status === 200 || response.status === 206) return;
  await response.body.dump();
  if (response.status === 404) {
    const message = `image ${reference.name} is not in registry ${response.host} (${what} does not exist)`;
    throw new RegistryError("IMAGE_NOT_FOUND", message, { passing: false });
  }
  const message = `registry ${response.host} answers with status ${response.status} for ${what}`;
  throw new RegistryError("IMAGE_PULL_FAILED", message, { passing: false });
}

async function readLimited(response: HttpResponse, name: string, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body) {
      size += chunk.length;
      if (size > manifestLimitBytes) {
        const message = `the manifest of ${name} has more than ${manifestLimitBytes} bytes`;
        throw new RegistryError("IMAGE_INVALID", message, { passing: false });
      }
      chunks.push(chunk);
    }
  } catch (error) {
    if (signal.aborted || error instanceof RegistryError) throw error;
    throw connectionError(error, response.host);
  }
  return Buffer.concat(chunks);
}
