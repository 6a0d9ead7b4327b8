import { z } from "zod";
import { AgentError } from "../../errors.ts";
import { isDigest } from "./digest.ts";

/**
 * The documents of an image (OCI image spec: descriptor.md, manifest.md, image-index.md, config.md, and Docker's schema
 * 2, which is the same but for its media types). Keys that we have no use for are passed over.
 */

export const mediaTypes = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
} as const;

const annotations = z.record(z.string(), z.string()).nullish();

const platformSchema = z.object({
  os: z.string(),
  architecture: z.string(),
  variant: z.string().optional(),
});

const descriptorSchema = z.object({
  mediaType: z.string(),
  digest: z.string().refine(isDigest, "must be a sha256 or sha512 digest"),
  size: z.number().int().min(0),
  annotations,
  platform: platformSchema.nullish(),
});

const manifestSchema = z.object({ config: descriptorSchema, layers: z.array(descriptorSchema).min(1).max(500) });
const indexSchema = z.object({ manifests: z.array(descriptorSchema).max(1000) });

const strings = z
  .array(z.string())
  .nullish()
  .transform((list) => list ?? []);
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? "");

const runSchema = z.object({
  User: text,
  Env: strings,
  Entrypoint: strings,
  Cmd: strings,
  WorkingDir: text,
});

const configSchema = z.object({
  os: z.string(),
  architecture: z.string(),
  variant: z.string().optional(),
  config: runSchema.nullish().transform((config) => config ?? runSchema.parse({})),
  rootfs: z.object({ diff_ids: z.array(z.string().refine(isDigest, "must be a digest")) }),
});

export type OciPlatform = z.output<typeof platformSchema>;
export type Descriptor = z.output<typeof descriptorSchema>;
export type Manifest = z.output<typeof manifestSchema>;
/** How the image wants to be run; absent lists are empty, absent texts are "". */
export type RunConfig = z.output<typeof runSchema>;
export type ImageConfig = z.output<typeof configSchema>;

export const parseManifest = parser(manifestSchema, "manifest");
export const parseIndex = parser(indexSchema, "index");
export const parseConfig = parser(configSchema, "config");

/** @returns a function that parses a document; it throws AgentError IMAGE_INVALID with `what` and the wrong field. */
function parser<T extends z.ZodType>(schema: T, kind: string) {
  return (bytes: Uint8Array, what: string): z.output<T> => {
    let json: unknown;
    try {
      json = JSON.parse(Buffer.from(bytes).toString("utf8"));
    } catch (error) {
      throw new AgentError("IMAGE_INVALID", `the ${kind} of ${what} is not JSON`, { cause: error });
    }
    const parsed = schema.safeParse(json);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    const where = issue === undefined ? "" : ` at ${issue.path.join(".")}: ${issue.message}`;
    throw new AgentError("IMAGE_INVALID", `the ${kind} of ${what} is not valid${where}`);
  };
}

export function isIndex(mediaType: string): boolean {
  return mediaType === mediaTypes.index || mediaType === mediaTypes.dockerIndex;
}

export function isManifest(mediaType: string): boolean {
  return mediaType === mediaTypes.manifest || mediaType === mediaTypes.dockerManifest;
}
