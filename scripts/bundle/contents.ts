import { isAbsolute, relative } from "node:path";
import { parse } from "yaml";
import { parseFunctions } from "../../gateway/functions/parse.ts";

/** What `docker compose config --format json` tells, as far as it matters here; names are Compose's own. */
export interface ComposeConfig {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly configs?: Readonly<Record<string, { readonly file?: string }>>;
  readonly secrets?: Readonly<Record<string, { readonly file?: string }>>;
}

interface ComposeService {
  readonly image?: string;
  readonly build?: unknown;
  readonly profiles?: readonly string[];
  readonly volumes?: readonly { readonly type: string; readonly source?: string }[];
}

/** A service as the bundle's machine runs it. */
export interface Service {
  readonly name: string;
  readonly image: string;
  readonly isOurs: boolean;
}

/** @throws Error for a service that has no image */
export function servicesOf(config: ComposeConfig): readonly Service[] {
  return Object.entries(config.services).map(([name, { image, build }]) => {
    if (image === undefined) throw new Error(`the service ${name} names no image`);
    return { name, image, isOurs: build !== undefined && build !== null };
  });
}

/** The compose files that a compose file includes, as they stand there. */
export function includedFiles(text: string): readonly string[] {
  const { include = [] } = (parse(text, { logLevel: "error" }) ?? {}) as { include?: readonly Include[] };
  return include.flatMap((item) => (typeof item === "string" ? item : item.path));
}

type Include = string | { readonly path: string | readonly string[] };

/** Files and folders below `deploy` that services mount, relative to it; not those that the machine's owner writes. */
export function mountedFiles(config: ComposeConfig, deploy: string): readonly string[] {
  const files = [...Object.values(config.configs ?? {}), ...Object.values(config.secrets ?? {})].map(
    ({ file }) => file,
  );
  const binds = Object.values(config.services)
    .flatMap(({ volumes = [] }) => volumes)
    .filter(({ type }) => type === "bind")
    .map(({ source }) => source);
  const paths = [...files, ...binds].filter((path) => path !== undefined).map((path) => relative(deploy, path));
  const inside = paths.filter(
    (path) => path !== "" && path !== "images" && !path.startsWith("..") && !isAbsolute(path),
  );
  return [...new Set(inside)].sort();
}

/** The images of functions, and what would keep them from starting offline. */
export interface FunctionImages {
  readonly images: readonly string[];
  readonly warnings: readonly string[];
}

/** @param path how the file is named in messages @throws Error when it cannot be read, or an image not be saved */
export function imagesOfFunctions(text: string, path: string, environment: NodeJS.ProcessEnv): FunctionImages {
  const functions = [...parseFunctions(text, path, (name) => environment[name] ?? "").values()];
  const byDigest = functions.find(({ image }) => image.includes("@"));
  if (byDigest !== undefined) {
    throw new Error(`${byDigest.name}: ${byDigest.image}: Docker saves no image under its digest; name it by a tag`);
  }
  return {
    images: [...new Set(functions.map(({ image }) => image))].sort(),
    warnings: functions
      .filter(({ pullPolicy }) => pullPolicy === "always")
      .map(({ name }) => `${name} has pullPolicy: always, so it does not start without its registry`),
  };
}
