import { readFile } from "node:fs/promises";
import { getCACertificates } from "node:tls";
import { Agent, type Dispatcher, request } from "undici";
import { AgentError } from "../../../errors.ts";
import { connectionError, RegistryError } from "./errors.ts";

export interface RegistryOptions {
  /** Registries (`host` or `host:port`) that may be spoken to over plain HTTP. */
  readonly insecureRegistries: readonly string[];
  /** PEM file with further certificate authorities. */
  readonly caFile: string | undefined;
  /** Credentials, in the format of docker's config.json. */
  readonly authFile: string | undefined;
}

export interface HttpRequest {
  readonly method: "GET" | "HEAD";
  readonly headers: Readonly<Record<string, string>>;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Dispatcher.ResponseData["body"];
  /** Host that answered in the end. */
  readonly host: string;
}

/** HTTP as registries need it. */
export interface RegistryHttp extends AsyncDisposable {
  /** `http` for hosts that are listed as insecure, else `https`. */
  urlOf(host: string, path: string): URL;
  /**
   * Sends a request and follows redirects, with `authorization` only to the host that it was meant for.
   * @throws RegistryError, or the signal's reason
   */
  send(url: URL, request: HttpRequest, signal: AbortSignal): Promise<HttpResponse>;
}

const timeoutMs = 30_000;
const connectTimeoutMs = 10_000;
const redirectLimit = 5;

/** @throws AgentError IMAGE_PULL_FAILED when the file of certificate authorities can't be read */
export async function openHttp(options: RegistryOptions): Promise<RegistryHttp> {
  const insecure = new Set(options.insecureRegistries);
  const ca = options.caFile === undefined ? undefined : await authorities(options.caFile);
  const agent = new Agent({
    connect: { timeout: connectTimeoutMs, ...(ca ? { ca } : {}) },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });

  const check = (url: URL, registry: string) => {
    if (url.protocol === "https:" || (url.protocol === "http:" && insecure.has(url.host))) return;
    const hint = `add ${url.host} to ESB_INSECURE_REGISTRIES if you accept that`;
    const message = `registry ${registry} sends us to ${url.protocol}//${url.host}, which is not encrypted; ${hint}`;
    throw new RegistryError("IMAGE_PULL_FAILED", message, { passing: false });
  };

  return {
    urlOf: (host, path) => new URL(`${insecure.has(host) ? "http" : "https"}://${host}${path}`),
    async send(first, { method, headers }, signal) {
      let url = first;
      for (let redirects = 0; redirects <= redirectLimit; redirects++) {
        check(url, first.host);
        const sent = { ...headers };
        if (url.origin !== first.origin) delete sent.authorization;
        const response = await exchange(agent, url, { method, headers: sent }, signal);
        const target = response.headers.location;
        if (![301, 302, 303, 307, 308].includes(response.statusCode) || typeof target !== "string") {
          return { status: response.statusCode, headers: response.headers, body: response.body, host: url.host };
        }
        await response.body.dump();
        url = new URL(target, url);
      }
      throw new RegistryError("IMAGE_PULL_FAILED", `registry ${first.host} redirects without end`, { passing: false });
    },
    // destroy, not close: a body that nobody reads to its end would hold close up for ever.
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

async function exchange(
  dispatcher: Agent,
  url: URL,
  { method, headers }: HttpRequest,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  try {
    return await request(url, { dispatcher, method, headers, signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw connectionError(error, url.host);
  }
}

async function authorities(path: string): Promise<string[]> {
  try {
    return [...getCACertificates("default"), await readFile(path, "utf8")];
  } catch (error) {
    throw new AgentError("IMAGE_PULL_FAILED", `ESB_REGISTRY_CA: ${path} cannot be read`, { cause: error });
  }
}
