import type { Image } from "../../../proto/gen/containerd/services/images/v1/images.ts";
import { type ContainerdClient, isAlreadyExists, isNotFound } from "../client.ts";
import { hasBlob, readSmallBlob } from "../content/read.ts";
import { type DescriptorLike, type DocumentReader, type SelectedImage, selectImage } from "./documents.ts";
import type { OciPlatform } from "./oci.ts";

export type StoreClient = Pick<ContainerdClient, "content" | "images">;

/** Larger than any document that makes sense. */
export const documentLimitBytes = 8 * 1024 * 1024;

class MissingBlob extends Error {}

/** The record of an image; undefined when there is none of that name. */
export async function findRecord(
  client: Pick<StoreClient, "images">,
  name: string,
  signal: AbortSignal,
): Promise<DescriptorLike | undefined> {
  try {
    const { image } = await client.images.get({ name }, { signal });
    return targetOf(image);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Makes an image's record, or lets the one of that name stand for `target` from now on. */
export async function saveRecord(
  client: Pick<StoreClient, "images">,
  name: string,
  target: DescriptorLike,
  signal: AbortSignal,
): Promise<void> {
  const image = { name, target: { mediaType: target.mediaType, digest: target.digest, size: BigInt(target.size) } };
  for (;;) {
    try {
      await client.images.create({ image }, { signal });
      return;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    try {
      await client.images.update({ image, updateMask: ["target"] }, { signal });
      return;
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

export function targetOf(image: Image | undefined): DescriptorLike | undefined {
  const target = image?.target;
  return target && { mediaType: target.mediaType, digest: target.digest, size: Number(target.size) };
}

/**
 * The image for a platform below a record's target, read from the store.
 * @returns undefined when a document of it is not in the store
 * @throws AgentError IMAGE_INVALID
 */
export async function readStored(
  client: Pick<StoreClient, "content">,
  target: DescriptorLike,
  platform: OciPlatform,
  name: string,
  signal: AbortSignal,
): Promise<SelectedImage | undefined> {
  try {
    return await selectImage(target, platform, name, storeReader(client, signal));
  } catch (error) {
    if (error instanceof MissingBlob) return undefined;
    throw error;
  }
}

export function storeReader(client: Pick<StoreClient, "content">, signal: AbortSignal): DocumentReader {
  return async ({ digest }) => {
    const bytes = await readSmallBlob(client, digest, documentLimitBytes, signal);
    if (bytes === undefined) throw new MissingBlob(digest);
    return bytes;
  };
}

/** The layers that are not in the store, lowest first. */
export async function missingLayers(
  client: Pick<StoreClient, "content">,
  image: SelectedImage,
  signal: AbortSignal,
): Promise<string[]> {
  const digests = image.manifest.layers.map(({ digest }) => digest);
  const there = await Promise.all(digests.map((digest) => hasBlob(client, digest, signal)));
  return digests.filter((_, index) => !there[index]);
}
