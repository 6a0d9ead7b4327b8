import { AgentError } from "../../errors.ts";
import { isDigest } from "./digest.ts";

/** An image reference in full, after Docker's convention (distribution/reference, docs/content/reference). */
export interface ImageReference {
  /** Normal form; the image's name in containerd's store. */
  readonly name: string;
  /** Registry as it stands in the name: `host` or `host:port`. */
  readonly registry: string;
  /** Path in the registry, such as `library/python`. */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const defaultRegistry = "docker.io";
/** Longest name that registries accept, without tag and digest. */
const nameLimit = 255;
const registryPattern =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::\d{1,5})?$/;
const pathPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;

/**
 * Parses and completes a reference: `python:3.12` is `docker.io/library/python:3.12`; neither tag nor digest: `latest`.
 * @throws AgentError INVALID_REQUEST
 */
export function parseReference(text: string): ImageReference {
  const invalid = (why: string) =>
    new AgentError("INVALID_REQUEST", `${JSON.stringify(text.slice(0, 300))} is not an image reference: ${why}`);
  if (text === "") throw invalid("it is empty");

  const at = text.indexOf("@");
  const digest = at === -1 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) throw invalid("after @ a digest must follow, such as sha256:…");
  const named = at === -1 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(":");
  const hasTag = colon > named.lastIndexOf("/");
  const given = hasTag ? named.slice(colon + 1) : undefined;
  if (given !== undefined && !tagPattern.test(given)) throw invalid("its tag must be letters, digits, _ . - (128)");

  const { registry, path } = splitRegistry(hasTag ? named.slice(0, colon) : named);
  if (!registryPattern.test(registry)) throw invalid("its registry must be host or host:port");
  if (!pathPattern.test(path)) throw invalid("its name must be lower-case letters and digits joined by / . _ -");
  const repository = registry === defaultRegistry && !path.includes("/") ? `library/${path}` : path;
  const full = `${registry}/${repository}`;
  if (full.length > nameLimit) throw invalid(`its name must have at most ${nameLimit} characters`);

  const tag = given ?? (digest === undefined ? "latest" : undefined);
  const name = full + (tag === undefined ? "" : `:${tag}`) + (digest === undefined ? "" : `@${digest}`);
  return { name, registry, repository, tag, digest };
}

/** The first part is a registry when it can't be a folder of Docker Hub: it has a dot or a port, or is localhost. */
function splitRegistry(name: string): { registry: string; path: string } {
  const slash = name.indexOf("/");
  const first = slash === -1 ? "" : name.slice(0, slash);
  if (first === "index.docker.io") return { registry: defaultRegistry, path: name.slice(slash + 1) };
  if (first === "localhost" || /[.:]|[A-Z]/.test(first)) return { registry: first, path: name.slice(slash + 1) };
  return { registry: defaultRegistry, path: name };
}

/** Host that serves a registry's API: Docker Hub has another one than its name. */
export function registryHost(registry: string): string {
  return registry === defaultRegistry ? "registry-1.docker.io" : registry;
}
