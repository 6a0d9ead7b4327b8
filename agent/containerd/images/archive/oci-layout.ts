import { writeBlob } from "../../content/write.ts";
import { digestOf } from "../digest.ts";
import { type DescriptorLike, referenceLabels } from "../documents.ts";
import { type Descriptor, mediaTypes, parseIndex } from "../oci.ts";
import type { ImportContext } from "./entries.ts";
import type { FoundImage } from "./names.ts";

/** Images of an OCI layout (OCI image spec, image-layout.md) by its index.json. */
export async function ociImages(context: ImportContext, index: Buffer): Promise<FoundImage[]> {
  const groups = Map.groupBy(parseIndex(index, "the archive").manifests, nameOf);
  const images: FoundImage[] = [];
  for (const [name, entries] of groups) {
    const [first] = entries;
    if (first === undefined) continue;
    // Several entries of one name, or of none, are one image for several platforms.
    const target = entries.length === 1 ? first : await keepIndex(context, entries);
    images.push({ name, target });
  }
  return images;
}

/** `org.opencontainers.image.ref.name` may be just a tag, which is no name of an image. */
function nameOf({ annotations }: Descriptor): string | undefined {
  const full = annotations?.["io.containerd.image.name"];
  if (full) return full;
  const reference = annotations?.["org.opencontainers.image.ref.name"];
  return reference && /[/:]/.test(reference) ? reference : undefined;
}

async function keepIndex(context: ImportContext, manifests: Descriptor[]): Promise<DescriptorLike> {
  return keepDocument(context, mediaTypes.index, { schemaVersion: 2, mediaType: mediaTypes.index, manifests });
}

/** Writes a document of our own making. */
export async function keepDocument(
  { client, lease, signal }: ImportContext,
  mediaType: string,
  document: unknown,
): Promise<DescriptorLike> {
  const bytes = Buffer.from(JSON.stringify(document));
  const digest = digestOf(bytes);
  const labels = referenceLabels(mediaType, bytes, "the archive");
  const blob = { ref: `${lease.id}-${digest}`, digest, sizeBytes: bytes.length, labels };
  async function* source() {
    yield bytes;
  }
  await writeBlob(client, blob, source, lease, signal);
  return { mediaType, digest, size: bytes.length };
}
