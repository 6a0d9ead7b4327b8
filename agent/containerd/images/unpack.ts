import { randomUUID } from "node:crypto";
import { ClientError, Status } from "nice-grpc";
import { AgentError } from "../../errors.ts";
import { type ContainerdClient, isAlreadyExists, isNotFound } from "../client.ts";
import { labelBlob } from "../content/read.ts";
import { type Lease, takeLease } from "../leases.ts";
import type { SelectedImage } from "./documents.ts";
import { createFlights } from "./flights.ts";
import { applicableType } from "./layer-types.ts";
import type { Descriptor } from "./oci.ts";

export type UnpackClient = Pick<ContainerdClient, "content" | "diff" | "leases" | "snapshots">;

export interface UnpackHooks {
  /** Resolves when the layer's blob is in the store; absent: they all are. */
  readonly available?: (layer: number) => Promise<unknown>;
  /** Told after each layer. */
  readonly unpacked?: (layers: number) => void;
}

export interface Unpacker {
  /** Whether the image's topmost snapshot is there. */
  isUnpacked(chainId: string, signal: AbortSignal): Promise<boolean>;
  /**
   * Applies an image's layers, those that are not there yet, onto snapshots named by their chain ids, and ties the
   * topmost one to the image's config, so that containerd keeps it as long as the image.
   * @throws AgentError IMAGE_INVALID
   */
  unpack(image: SelectedImage, lease: Lease, signal: AbortSignal, hooks?: UnpackHooks): Promise<void>;
}

export function createUnpacker(client: UnpackClient, snapshotter: string): Unpacker {
  /** Images that share a layer and come at once apply it once. */
  const flights = createFlights<never>();

  const exists = async (key: string, signal: AbortSignal): Promise<boolean> => {
    try {
      await client.snapshots.stat({ snapshotter, key }, { signal });
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  };

  /** Under a lease of its own: those who wait for it have theirs, but the one who began it may go before it is done. */
  const applyLayer = async (layer: LayerToApply, signal: AbortSignal): Promise<void> => {
    const { chainId, parent, descriptor, diffId } = layer;
    await using lease = await takeLease(client, "unpack", signal);
    await lease.hold("content", descriptor.digest);
    const key = `extract-${randomUUID()} ${chainId}`;
    const labels = { "containerd.io/snapshot.ref": chainId };
    try {
      const options = { ...lease.call, signal };
      const { mounts } = await client.snapshots.prepare({ snapshotter, key, parent, labels }, options);
      const { mediaType, digest, size } = descriptor;
      const diff = { mediaType: applicableType(mediaType), digest, size: BigInt(size) };
      const { applied } = await client.diff.apply({ diff, mounts }, options);
      if (applied?.digest !== diffId) {
        const why = `layer ${digest} unpacks to ${applied?.digest}, but the config says ${diffId}`;
        throw new AgentError("IMAGE_INVALID", why);
      }
      await client.snapshots.commit({ snapshotter, name: chainId, key, labels }, options);
      lease.settle();
    } catch (error) {
      await client.snapshots.remove({ snapshotter, key }, {}).catch(() => {});
      // Somebody else was faster, or a snapshotter that fetches by itself has it already.
      if (isAlreadyExists(error) && (await exists(chainId, signal))) return;
      throw brokenLayer(error, descriptor);
    }
  };

  return {
    isUnpacked: exists,
    async unpack(image, lease, signal, hooks = {}) {
      const layers = layersOf(image);
      for (const [index, layer] of layers.entries()) {
        // Held before it is looked for: what is found then cannot be collected any more.
        await lease.hold(`snapshots/${snapshotter}`, layer.chainId);
        if (!(await exists(layer.chainId, signal))) {
          await hooks.available?.(index);
          await flights.run(layer.chainId, signal, undefined, (shared) => applyLayer(layer, shared));
        }
        hooks.unpacked?.(index + 1);
      }
      for (const { descriptor, diffId } of layers) {
        await hooks.available?.(layers.findIndex((layer) => layer.descriptor === descriptor));
        await labelIfThere(client, descriptor.digest, { "containerd.io/uncompressed": diffId }, signal);
      }
      const top = layers.at(-1)?.chainId ?? "";
      const label = `containerd.io/gc.ref.snapshot.${snapshotter}`;
      await labelBlob(client, image.manifest.config.digest, { [label]: top }, signal);
    },
  };
}

interface LayerToApply {
  readonly chainId: string;
  /** "": none. */
  readonly parent: string;
  readonly descriptor: Descriptor;
  readonly diffId: string;
}

function layersOf({ manifest, config, chainIds }: SelectedImage): LayerToApply[] {
  return manifest.layers.map((descriptor, index) => ({
    chainId: chainIds[index] ?? "",
    parent: chainIds[index - 1] ?? "",
    descriptor,
    diffId: config.rootfs.diff_ids[index] ?? "",
  }));
}

/** A layer's blob may be gone from the store while its snapshot is there. */
async function labelIfThere(
  client: UnpackClient,
  digest: string,
  labels: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  try {
    await labelBlob(client, digest, labels, signal);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** containerd has one code for whatever it meets in a layer; what a full disk says is no fault of the image. */
function brokenLayer(error: unknown, { digest }: Descriptor): unknown {
  if (!(error instanceof ClientError) || error.code !== Status.UNKNOWN) return error;
  if (/no space left|read-only file system|permission denied|operation not permitted/.test(error.details)) return error;
  return new AgentError("IMAGE_INVALID", `layer ${digest} cannot be unpacked: ${error.details}`, { cause: error });
}
