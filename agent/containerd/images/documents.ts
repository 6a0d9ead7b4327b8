import { AgentError } from "../../errors.ts";
import { chainIds } from "./chain.ts";
import {
  type Descriptor,
  type ImageConfig,
  isIndex,
  isManifest,
  type Manifest,
  mediaTypes,
  type OciPlatform,
  parseConfig,
  parseIndex,
  parseManifest,
} from "./oci.ts";
import { matchesPlatform, platformText, rankByPlatform } from "./platform.ts";

export type DescriptorLike = Pick<Descriptor, "mediaType" | "digest" | "size">;

/** Brings the bytes of a document, from wherever they are. */
export type DocumentReader = (descriptor: DescriptorLike) => Promise<Buffer>;

/** An image for one platform. */
export interface SelectedImage {
  readonly manifestDigest: string;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  /** One per layer, lowest first. */
  readonly chainIds: readonly string[];
  /** Bytes of manifest, config and layers. */
  readonly sizeBytes: number;
}

/** More than anybody nests; an index that contains itself can't be made, but a long chain can. */
const depthLimit = 4;

/**
 * Finds the image for a platform below `root`, a manifest or an index (of indexes).
 * @param name what the image is called in messages
 * @throws AgentError IMAGE_INVALID when there is none or a document is broken, and what `read` throws
 */
export async function selectImage(
  root: DescriptorLike,
  platform: OciPlatform,
  name: string,
  read: DocumentReader,
): Promise<SelectedImage> {
  const seen = new Set<string>();
  const find = async (descriptor: DescriptorLike, depth: number): Promise<SelectedImage | undefined> => {
    if (isManifest(descriptor.mediaType)) {
      const image = await readImage(descriptor, name, read);
      if (matchesPlatform(image.config, platform)) return image;
      seen.add(platformText(image.config));
      return undefined;
    }
    if (!isIndex(descriptor.mediaType)) {
      const why = `${descriptor.mediaType || "an unknown type"} is neither an image manifest nor an index`;
      throw new AgentError("IMAGE_INVALID", `image ${name}: ${why}`);
    }
    if (depth >= depthLimit) throw new AgentError("IMAGE_INVALID", `image ${name}: its indexes are nested too deeply`);
    const { manifests } = parseIndex(await read(descriptor), name);
    for (const entry of manifests) if (entry.platform) seen.add(platformText(entry.platform));
    for (const entry of rankByPlatform(manifests, platform)) {
      const image = await find(entry, depth + 1);
      if (image) return image;
    }
    return undefined;
  };

  const image = await find(root, 0);
  if (image) return image;
  const others = seen.size === 0 ? "" : `; it is for ${[...seen].join(", ")}`;
  throw new AgentError("IMAGE_INVALID", `image ${name} has nothing for ${platformText(platform)}${others}`);
}

async function readImage(descriptor: DescriptorLike, name: string, read: DocumentReader): Promise<SelectedImage> {
  const manifest = parseManifest(await read(descriptor), name);
  const config = parseConfig(await read(manifest.config), name);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length) {
    const why = `its manifest has ${manifest.layers.length} layers, its config ${diffIds.length}`;
    throw new AgentError("IMAGE_INVALID", `image ${name}: ${why}`);
  }
  const blobs = [descriptor, manifest.config, ...manifest.layers];
  const sizeBytes = blobs.reduce((sum, { size }) => sum + size, 0);
  return { manifestDigest: descriptor.digest, manifest, config, chainIds: chainIds(diffIds), sizeBytes };
}

/**
 * Labels by which containerd's garbage collection sees what a document refers to; the same that containerd itself sets
 * (containerd, docs/garbage-collection.md).
 */
export function referenceLabels(mediaType: string, bytes: Uint8Array, name: string): Record<string, string> {
  if (isIndex(mediaType)) {
    const { manifests } = parseIndex(bytes, name);
    return Object.fromEntries(manifests.map(({ digest }, i) => [`containerd.io/gc.ref.content.m.${i}`, digest]));
  }
  if (!isManifest(mediaType)) return {};
  const { config, layers } = parseManifest(bytes, name);
  const labels = Object.fromEntries(layers.map(({ digest }, i) => [`containerd.io/gc.ref.content.l.${i}`, digest]));
  return { "containerd.io/gc.ref.content.config": config.digest, ...labels };
}

/** Type of a document by what it says itself, else by its shape; "" when it is neither manifest nor index. */
export function documentType(bytes: Uint8Array): string {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return "";
  }
  if (typeof json !== "object" || json === null) return "";
  if ("mediaType" in json && typeof json.mediaType === "string" && json.mediaType !== "") return json.mediaType;
  if ("manifests" in json) return mediaTypes.index;
  return "config" in json && "layers" in json ? mediaTypes.manifest : "";
}
