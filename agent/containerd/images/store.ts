import { LRUCache } from "lru-cache";
import type { Logger } from "../../../common/logger.ts";
import { AgentError } from "../../errors.ts";
import type { PullPolicy } from "../../workers/runtime.ts";
import { type ContainerdClient, isNotFound } from "../client.ts";
import { takeLease } from "../leases.ts";
import { importArchive } from "./archive/import.ts";
import type { DescriptorLike, SelectedImage } from "./documents.ts";
import { createFlights } from "./flights.ts";
import type { Descriptor, OciPlatform, RunConfig } from "./oci.ts";
import { currentPlatform } from "./platform.ts";
import { type PullProgress, pullImage } from "./pull.ts";
import { type ImageReference, parseReference } from "./reference.ts";
import { isAbsentRegistry } from "./registry/errors.ts";
import type { RegistryOptions } from "./registry/http.ts";
import { findRecord, missingLayers, readStored, targetOf } from "./stored.ts";
import { createUnpacker } from "./unpack.ts";
import { type ImageUser, resolveUser } from "./user/resolve.ts";

export type { PullProgress } from "./pull.ts";
export type { RegistryOptions } from "./registry/http.ts";
export type { ImageUser } from "./user/resolve.ts";

export interface ImageStoreOptions {
  readonly client: Pick<
    ContainerdClient,
    "address" | "namespace" | "content" | "diff" | "images" | "leases" | "snapshots" | "translate"
  >;
  readonly snapshotter: string;
  readonly registry: RegistryOptions;
  readonly logger: Pick<Logger, "info">;
  /** Default: this machine's. */
  readonly platform?: OciPlatform;
}

/** An image, ready to be run. */
export interface ResolvedImage {
  readonly name: string;
  /** Of the record's target: an index or a manifest. */
  readonly digest: string;
  readonly manifestDigest: string;
  readonly config: RunConfig;
  /** Key of the snapshot with the topmost layer. */
  readonly chainId: string;
  /** Lowest first. */
  readonly layers: readonly Descriptor[];
}

/** An image in the store. */
export interface StoredImage {
  readonly name: string;
  readonly digest: string;
  /** Of the blobs for this platform; 0 when there is nothing for it. */
  readonly sizeBytes: bigint;
}

const cachedImages = 1000;
const collectionTimeoutMs = 5 * 60 * 1000;

/** Images in containerd's store (W3). Its methods throw AgentErrors of the IMAGE_ kinds and RUNTIME_UNAVAILABLE. */
export function createImageStore(options: ImageStoreOptions) {
  const { client, snapshotter, registry, logger, platform = currentPlatform() } = options;
  const unpacker = createUnpacker(client, snapshotter);
  const flights = createFlights<PullProgress>();
  /** What a target's digest stands for never changes. */
  const selected = new LRUCache<string, SelectedImage>({ max: cachedImages });
  /** Last known target of a name: a guess that saves waiting for the record before asking for the snapshot. */
  const guesses = new LRUCache<string, string>({ max: cachedImages });
  const users = new LRUCache<string, ImageUser>({ max: cachedImages });

  const translated = async <T>(context: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw client.translate(error, context);
    }
  };

  const select = async (name: string, target: DescriptorLike, signal: AbortSignal) => {
    const known = selected.get(target.digest);
    if (known) return known;
    const image = await readStored(client, target, platform, name, signal);
    if (image) selected.set(target.digest, image);
    return image;
  };

  const describe = (name: string, { digest }: DescriptorLike, image: SelectedImage): ResolvedImage => ({
    name,
    digest,
    manifestDigest: image.manifestDigest,
    config: image.config.config,
    chainId: image.chainIds.at(-1) ?? "",
    layers: image.manifest.layers,
  });

  /** One call's time when the image was used before: its record and its snapshot are asked for side by side. */
  const findReady = async (name: string, signal: AbortSignal): Promise<ResolvedImage | undefined> => {
    const guess = selected.get(guesses.get(name) ?? "");
    const chainId = guess?.chainIds.at(-1);
    const [target, there] = await Promise.all([
      findRecord(client, name, signal),
      chainId === undefined ? false : unpacker.isUnpacked(chainId, signal),
    ]);
    if (target === undefined) return undefined;
    const image = await select(name, target, signal);
    if (image === undefined) return undefined;
    guesses.set(name, target.digest);
    if (!(image === guess ? there : await unpacker.isUnpacked(image.chainIds.at(-1) ?? "", signal))) return undefined;
    return describe(name, target, image);
  };

  /** For an image that came into the store by other ways, or for another snapshotter. */
  const unpackStored = async (name: string, signal: AbortSignal): Promise<"done" | "absent" | "incomplete"> => {
    const target = await findRecord(client, name, signal);
    if (target === undefined) return "absent";
    const image = await select(name, target, signal);
    if (image === undefined) return "incomplete";
    if (await unpacker.isUnpacked(image.chainIds.at(-1) ?? "", signal)) return "done";
    if ((await missingLayers(client, image, signal)).length > 0) return "incomplete";
    await using lease = await takeLease(client, "unpack", signal);
    await unpacker.unpack(image, lease, signal);
    lease.settle();
    return "done";
  };

  const pullNow = async (
    reference: ImageReference,
    ready: string | undefined,
    signal: AbortSignal,
    notify: (note: PullProgress) => void,
  ) => {
    const startedAt = performance.now();
    await pullImage({ client, unpacker, registry, platform }, reference, ready, signal, notify);
    logger.info({ image: reference.name, ms: Math.round(performance.now() - startedAt) }, "pulled an image");
  };

  const pullReference = (
    reference: ImageReference,
    ready: string | undefined,
    signal: AbortSignal,
    onProgress?: (progress: PullProgress) => void,
  ) =>
    flights.run(`pull ${reference.name}`, signal, onProgress, (all, notify) => pullNow(reference, ready, all, notify));

  const obtain = async (
    reference: ImageReference,
    policy: PullPolicy,
    signal: AbortSignal,
    onProgress?: (progress: PullProgress) => void,
  ): Promise<void> => {
    const { name } = reference;
    if (policy !== "always") {
      const state = await flights.run(`unpack ${name}`, signal, undefined, (all) => unpackStored(name, all));
      if (state === "done") return;
      if (policy === "never") throw unusable(name, state, client.namespace);
    }
    const ready = policy === "always" ? await findReady(name, signal) : undefined;
    try {
      await pullReference(reference, ready?.digest, signal, onProgress);
    } catch (error) {
      if (reference.registry !== "localhost" || !isAbsentRegistry(error)) throw error;
      const message = `image ${name} is not in containerd's namespace ${client.namespace}; import it or pull it from a registry`;
      throw new AgentError("IMAGE_NOT_FOUND", message, { cause: error });
    }
  };

  return {
    /** Finds, pulls and unpacks an image as the policy says. Callers of one image share the work. */
    resolve: (
      text: string,
      policy: PullPolicy,
      signal: AbortSignal,
      onProgress?: (progress: PullProgress) => void,
    ): Promise<ResolvedImage> =>
      translated(`resolving image ${text}`, async () => {
        const reference = parseReference(text);
        const ready = policy === "always" ? undefined : await findReady(reference.name, signal);
        if (ready) return ready;
        await obtain(reference, policy, signal, onProgress);
        const obtained = await findReady(reference.name, signal);
        if (obtained) return obtained;
        throw new AgentError("IMAGE_NOT_FOUND", `image ${reference.name} was removed while it was made ready`);
      }),

    /** Pulls an image whatever the store holds. */
    pull: (text: string, signal: AbortSignal, onProgress?: (progress: PullProgress) => void): Promise<StoredImage> =>
      translated(`pulling image ${text}`, async () => {
        const reference = parseReference(text);
        await pullReference(reference, undefined, signal, onProgress);
        return stored(reference.name, await findRecord(client, reference.name, signal), signal);
      }),

    /**
     * Imports an OCI or docker archive, gzipped or not, without a copy on disk, and unpacks what it holds.
     * @param name of the image, when the archive holds one; absent: the names that the archive itself carries
     * @returns the images of the archive that are for this platform
     */
    importArchive: (
      archive: AsyncIterable<Uint8Array>,
      name: string | undefined,
      signal: AbortSignal,
    ): Promise<StoredImage[]> =>
      translated("importing an archive", async () => {
        const wanted = name === undefined ? undefined : parseReference(name).name;
        const images = await importArchive({ client, unpacker, platform }, archive, wanted, signal);
        logger.info({ images }, "imported an archive");
        return Promise.all(images.map(async (image) => stored(image, await findRecord(client, image, signal), signal)));
      }),

    /** All images of the namespace, by name. */
    list: (signal: AbortSignal): Promise<StoredImage[]> =>
      translated("listing images", async () => {
        const { images } = await client.images.list({}, { signal });
        const all = await Promise.all(images.map((image) => stored(image.name, targetOf(image), signal)));
        return all.sort((a, b) => (a.name < b.name ? -1 : 1));
      }),

    /**
     * Removes an image and what only it kept; workers that run it go on.
     * @returns whether there was one
     */
    remove: (text: string, signal: AbortSignal): Promise<boolean> =>
      translated(`removing image ${text}`, async () => {
        const { name } = parseReference(text);
        guesses.delete(name);
        try {
          await client.images.delete({ name, sync: true }, { signal, deadline: collectionTimeoutMs });
          return true;
        } catch (error) {
          if (isNotFound(error)) return false;
          throw error;
        }
      }),

    /**
     * The user that the image names, in numbers, looked up in the image's own /etc/passwd and /etc/group.
     * @returns undefined when it names none
     */
    resolveUser: (image: ResolvedImage, signal: AbortSignal): Promise<ImageUser | undefined> =>
      translated(`reading the users of image ${image.name}`, async () => {
        const known = users.get(image.manifestDigest);
        if (known || image.config.User === "") return known;
        const user = await resolveUser(client, image, image.config.User, signal);
        users.set(image.manifestDigest, user);
        return user;
      }),
  };

  async function stored(name: string, target: DescriptorLike | undefined, signal: AbortSignal): Promise<StoredImage> {
    if (target === undefined) throw new AgentError("IMAGE_NOT_FOUND", `image ${name} was removed meanwhile`);
    const image = await select(name, target, signal).catch((error) => {
      if (error instanceof AgentError && error.code === "IMAGE_INVALID") return undefined;
      throw error;
    });
    return { name, digest: target.digest, sizeBytes: BigInt(image?.sizeBytes ?? 0) };
  }
}

function unusable(name: string, state: "absent" | "incomplete", namespace: string): AgentError {
  if (state === "absent") {
    const message = `image ${name} is not in containerd's namespace ${namespace}, and its pull policy is "never"`;
    return new AgentError("IMAGE_NOT_FOUND", message);
  }
  const message = `image ${name} is not complete in containerd's namespace ${namespace}, and its pull policy is "never"`;
  return new AgentError("IMAGE_INVALID", message);
}
