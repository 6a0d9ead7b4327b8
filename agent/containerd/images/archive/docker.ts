import { z } from "zod";
import { AgentError } from "../../../errors.ts";
import { mediaTypes } from "../oci.ts";
import type { ArchiveContents, ImportContext, StoredFile } from "./entries.ts";
import type { FoundImage } from "./names.ts";
import { keepDocument } from "./oci-layout.ts";

/** `manifest.json` of `docker save` (moby, image/spec/v1.2.md, "Combined Image JSON + Filesystem Changeset Format"). */
const manifestSchema = z.array(
  z.object({ Config: z.string(), RepoTags: z.array(z.string()).nullish(), Layers: z.array(z.string()).min(1) }),
);

/**
 * Images of a docker archive. Its layers have no manifest of the kind that containerd reads, so each gets one.
 * @throws AgentError IMAGE_INVALID
 */
export async function dockerImages(context: ImportContext, contents: ArchiveContents): Promise<FoundImage[]> {
  if (contents.manifest === undefined) {
    const message = "the archive is neither an OCI image (index.json) nor a docker archive (manifest.json)";
    throw new AgentError("IMAGE_INVALID", message);
  }
  const images: FoundImage[] = [];
  for (const { Config, RepoTags, Layers } of parse(contents.manifest)) {
    const config = find(contents, Config);
    const layers = Layers.map((path) => find(contents, path));
    const target = await keepDocument(context, mediaTypes.manifest, {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: { mediaType: mediaTypes.config, digest: config.digest, size: config.sizeBytes },
      layers: layers.map(({ digest, sizeBytes, layerType }) => ({ mediaType: layerType, digest, size: sizeBytes })),
    });
    if (!RepoTags?.length) images.push({ name: undefined, target });
    for (const name of RepoTags ?? []) images.push({ name, target });
  }
  return images;
}

function parse(bytes: Buffer): z.output<typeof manifestSchema> {
  try {
    return manifestSchema.parse(JSON.parse(bytes.toString("utf8")));
  } catch (error) {
    throw new AgentError("IMAGE_INVALID", "manifest.json of the archive is not a docker archive's", { cause: error });
  }
}

function find(contents: ArchiveContents, path: string): StoredFile {
  const file = contents.file(path);
  if (file) return file;
  throw new AgentError("IMAGE_INVALID", `the archive is not complete: ${JSON.stringify(path)} is missing`);
}
