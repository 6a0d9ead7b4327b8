import { readFile } from "node:fs/promises";
import { z } from "zod";
import { AgentError } from "../../../errors.ts";
import { registryHost } from "../reference.ts";

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Docker's config.json, as far as it holds credentials itself (docker login without a credential helper). */
const fileSchema = z.object({
  auths: z
    .record(
      z.string(),
      z.object({ auth: z.string().optional(), username: z.string().optional(), password: z.string().optional() }),
    )
    .optional(),
});

/**
 * Credentials for a registry, read anew each time so that a changed file counts at once.
 * @throws AgentError IMAGE_PULL_FAILED when the file can't be read or is none of docker's
 */
export async function readCredentials(path: string, registry: string): Promise<Credentials | undefined> {
  try {
    return findCredentials(await readFile(path, "utf8"), registry);
  } catch (error) {
    const why =
      error instanceof SyntaxError || error instanceof z.ZodError ? "is not a docker config.json" : `${error}`;
    throw new AgentError("IMAGE_PULL_FAILED", `ESB_REGISTRY_AUTH: ${path}: ${why}`, { cause: error });
  }
}

/** Keys of `auths` are hosts, or URLs whose host counts; Docker Hub's is https://index.docker.io/v1/. */
export function findCredentials(json: string, registry: string): Credentials | undefined {
  const { auths = {} } = fileSchema.parse(JSON.parse(json));
  const names = registry === "docker.io" ? ["docker.io", "index.docker.io", registryHost(registry)] : [registry];
  const entry = Object.entries(auths).find(([key]) =>
    names.includes(key.replace(/^https?:\/\//, "").replace(/\/.*/, "")),
  );
  if (entry === undefined) return undefined;
  const { auth, username, password } = entry[1];
  if (auth === undefined || auth === "") {
    return username === undefined || password === undefined ? undefined : { username, password };
  }
  const text = Buffer.from(auth, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon === -1) return undefined;
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
