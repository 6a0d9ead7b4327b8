import PQueue from "p-queue";
import { AgentError } from "../../errors.ts";
import type { ContainerdClient } from "../client.ts";
import { readSmallBlob } from "../content/read.ts";
import { writeBlob } from "../content/write.ts";
import { type Lease, takeLease } from "../leases.ts";
import { type DescriptorLike, documentType, referenceLabels, selectImage } from "./documents.ts";
import type { OciPlatform } from "./oci.ts";
import type { ImageReference } from "./reference.ts";
import { fetchBlob } from "./registry/blob.ts";
import type { RegistryOptions } from "./registry/http.ts";
import { openRepository, type Repository } from "./registry/registry.ts";
import { documentLimitBytes, saveRecord } from "./stored.ts";
import type { Unpacker } from "./unpack.ts";

/** How far a pull is. */
export interface PullProgress {
  /** Bytes to fetch, as far as known. */
  readonly totalBytes: bigint;
  readonly fetchedBytes: bigint;
  readonly layers: number;
  readonly layersUnpacked: number;
}

export interface PullParts {
  readonly client: Pick<ContainerdClient, "content" | "images" | "leases">;
  readonly unpacker: Unpacker;
  readonly registry: RegistryOptions;
  readonly platform: OciPlatform;
}

const layersAtOnce = 3;

/**
 * Pulls an image: documents and layers into the content store, layers onto snapshots as they come, the record last, all
 * under a lease. What the store has is not fetched. A failure or an abort leaves nothing behind.
 * @param ready digest that is there, unpacked: if the reference still stands for it, nothing is done
 * @throws AgentError of the IMAGE_ kinds
 */
export async function pullImage(
  parts: PullParts,
  reference: ImageReference,
  ready: string | undefined,
  signal: AbortSignal,
  onProgress: (progress: PullProgress) => void,
): Promise<void> {
  const { client, unpacker, registry, platform } = parts;
  await using repository = await openRepository(reference, registry);
  // A HEAD request is not counted by registries that limit pulls.
  const known = reference.digest ?? (await repository.head(reference.tag ?? "latest", signal));
  if (known !== undefined && known === ready) return;
  await using lease = await takeLease(client, "pull", signal);
  const context = { client, repository, reference, lease };

  const root = await fetchRoot(context, known, signal);
  const image = await selectImage(root, platform, reference.name, (descriptor) =>
    fetchDocument(context, descriptor, signal),
  );

  const { layers } = image.manifest;
  const total = layers.reduce((sum, { size }) => sum + BigInt(size), 0n);
  let fetched = 0n;
  let unpacked = 0;
  const note = () =>
    onProgress({ totalBytes: total, fetchedBytes: fetched, layers: layers.length, layersUnpacked: unpacked });
  note();

  await together(signal, (all) => {
    const queue = new PQueue({ concurrency: layersAtOnce });
    const blobs = layers.map((layer) =>
      queue.add(() =>
        fetchLayer(context, layer, all, (bytes) => {
          fetched += BigInt(bytes);
          note();
        }),
      ),
    );
    const unpacking = unpacker.unpack(image, lease, all, {
      available: async (layer) => blobs[layer],
      unpacked: (count) => {
        unpacked = count;
        note();
      },
    });
    return [...blobs, unpacking];
  });
  await saveRecord(client, reference.name, root, signal);
  lease.settle();
}

interface PullContext {
  readonly client: PullParts["client"];
  readonly repository: Repository;
  readonly reference: ImageReference;
  readonly lease: Lease;
}

async function fetchRoot(
  context: PullContext,
  known: string | undefined,
  signal: AbortSignal,
): Promise<DescriptorLike> {
  const { repository, reference } = context;
  const stored = known && (await readSmallBlob(context.client, known, documentLimitBytes, signal));
  const { bytes, digest, ...fetched } =
    known && stored
      ? { bytes: stored, digest: known }
      : await repository.manifest(known ?? reference.tag ?? "latest", signal);
  const mediaType = documentType(bytes) || ("mediaType" in fetched ? fetched.mediaType : "");
  const root = { mediaType, digest, size: bytes.length };
  await keepDocument(context, root, bytes, signal);
  return root;
}

async function fetchDocument(context: PullContext, descriptor: DescriptorLike, signal: AbortSignal): Promise<Buffer> {
  const { client, repository } = context;
  const stored = await readSmallBlob(client, descriptor.digest, documentLimitBytes, signal);
  const bytes = stored ?? (await download(repository, descriptor, signal));
  await keepDocument(context, descriptor, bytes, signal);
  return bytes;
}

async function download(repository: Repository, descriptor: DescriptorLike, signal: AbortSignal): Promise<Buffer> {
  const { mediaType, digest, size } = descriptor;
  if (size > documentLimitBytes) {
    throw new AgentError("IMAGE_INVALID", `${digest} should be a document but has ${size} bytes`);
  }
  if (/manifest|index/.test(mediaType)) return (await repository.manifest(digest, signal)).bytes;
  const chunks: Buffer[] = [];
  for await (const chunk of fetchBlob(repository, { digest, sizeBytes: size }, 0, signal)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Also for what is there already: so it comes under the lease. */
async function keepDocument(
  { client, reference, repository, lease }: PullContext,
  { mediaType, digest, size }: DescriptorLike,
  bytes: Buffer,
  signal: AbortSignal,
): Promise<void> {
  const kind = /index|manifest\.list/.test(mediaType) ? "index" : /manifest/.test(mediaType) ? "manifest" : "config";
  const labels = { ...referenceLabels(mediaType, bytes, reference.name), ...sourceLabel(reference, repository) };
  const blob = { ref: `${kind}-${digest}`, digest, sizeBytes: size, labels };
  await writeBlob(client, blob, (offset) => from(bytes, offset), lease, signal);
}

async function fetchLayer(
  { client, reference, repository, lease }: PullContext,
  layer: DescriptorLike,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const { digest, size: sizeBytes } = layer;
  let counted = 0;
  const count = (bytes: number) => {
    counted += bytes;
    onBytes(bytes);
  };
  async function* source(offset: number): AsyncIterable<Uint8Array> {
    count(offset);
    for await (const chunk of fetchBlob(repository, { digest, sizeBytes }, offset, signal)) {
      count(chunk.length);
      yield chunk;
    }
  }
  // The ref is the one that containerd's own clients use, so that they and we don't fetch the same thing twice.
  const blob = { ref: `layer-${digest}`, digest, sizeBytes, labels: sourceLabel(reference, repository) };
  await writeBlob(client, blob, source, lease, signal);
  onBytes(sizeBytes - counted);
}

function sourceLabel(reference: ImageReference, { host }: Repository): Record<string, string> {
  return { [`containerd.io/distribution.source.${host}`]: reference.repository };
}

async function* from(bytes: Buffer, offset: number): AsyncIterable<Uint8Array> {
  yield bytes.subarray(offset);
}

/** Runs work side by side: the first failure aborts the rest, and nothing goes on behind the caller's back. */
async function together(signal: AbortSignal, start: (signal: AbortSignal) => Promise<unknown>[]): Promise<void> {
  const controller = new AbortController();
  const running = start(AbortSignal.any([signal, controller.signal]));
  try {
    await Promise.all(running);
  } catch (error) {
    controller.abort(error);
    throw error;
  } finally {
    await Promise.allSettled(running);
  }
}
