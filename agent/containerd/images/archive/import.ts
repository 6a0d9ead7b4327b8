import { ClientError } from "nice-grpc";
import { AgentError } from "../../../errors.ts";
import type { ContainerdClient } from "../../client.ts";
import { hasBlob, labelBlob, readSmallBlob } from "../../content/read.ts";
import { takeLease } from "../../leases.ts";
import { type DescriptorLike, referenceLabels, selectImage } from "../documents.ts";
import { isIndex, isManifest, type OciPlatform, parseIndex } from "../oci.ts";
import { documentLimitBytes, missingLayers, saveRecord } from "../stored.ts";
import type { Unpacker } from "../unpack.ts";
import { dockerImages } from "./docker.ts";
import { storeArchive } from "./entries.ts";
import { type NamedImage, nameImages } from "./names.ts";
import { ociImages } from "./oci-layout.ts";

export interface ImportParts {
  readonly client: Pick<ContainerdClient, "content" | "images" | "leases">;
  readonly unpacker: Unpacker;
  readonly platform: OciPlatform;
}

/**
 * Imports an archive: its blobs go into the content store as they come, under a lease; then every image in it is
 * checked, unpacked for this platform and recorded. Nothing is left of an archive that fails.
 * @param name the image's, in normal form; undefined: the archive says
 * @returns names of the images
 * @throws AgentError IMAGE_INVALID
 */
export async function importArchive(
  parts: ImportParts,
  archive: AsyncIterable<Uint8Array>,
  name: string | undefined,
  signal: AbortSignal,
): Promise<string[]> {
  const { client, unpacker, platform } = parts;
  await using lease = await takeLease(client, "import", signal);
  const context = { client, lease, signal };
  const contents = await readable(signal, () => storeArchive(context, archive));
  const found = contents.index ? await ociImages(context, contents.index) : await dockerImages(context, contents);
  const images = nameImages(found, name);

  for (const image of images) {
    await checkReferences(client, image, signal);
    const selected = await selectImage(image.target, platform, image.name, documentsOf(parts, image.name, signal));
    const missing = await missingLayers(client, selected, signal);
    if (missing.length > 0) throw incomplete(image.name, missing[0] ?? "");
    await unpacker.unpack(selected, lease, signal);
  }
  for (const image of images) await saveRecord(client, image.name, image.target, signal);
  lease.settle();
  return images.map((image) => image.name);
}

/** Labels every document that the archive holds, for all platforms, so that an export has them all again. */
async function checkReferences(client: ImportParts["client"], image: NamedImage, signal: AbortSignal): Promise<void> {
  const visit = async ({ digest, mediaType }: DescriptorLike, depth: number): Promise<void> => {
    if (depth > 4 || !(isIndex(mediaType) || isManifest(mediaType)) || !(await hasBlob(client, digest, signal))) return;
    const bytes = await readSmallBlob(client, digest, documentLimitBytes, signal);
    if (bytes === undefined) return;
    await labelBlob(client, digest, referenceLabels(mediaType, bytes, image.name), signal);
    if (!isIndex(mediaType)) return;
    for (const entry of parseIndex(bytes, image.name).manifests) await visit(entry, depth + 1);
  };
  await visit(image.target, 0);
}

function documentsOf({ client }: ImportParts, name: string, signal: AbortSignal) {
  return async ({ digest }: DescriptorLike): Promise<Buffer> => {
    const bytes = await readSmallBlob(client, digest, documentLimitBytes, signal);
    if (bytes === undefined) throw incomplete(name, digest);
    return bytes;
  };
}

function incomplete(name: string, digest: string): AgentError {
  return new AgentError("IMAGE_INVALID", `the archive is not complete: ${digest} of image ${name} is missing`);
}

/** What a tar reader throws is about the archive, unless it is about something else. */
async function readable<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (signal.aborted || error instanceof AgentError || error instanceof ClientError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new AgentError("IMAGE_INVALID", `the archive cannot be read: ${why}`, { cause: error });
  }
}
