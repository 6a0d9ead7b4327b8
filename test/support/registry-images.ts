import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createContainerdClient } from "../../agent/containerd/client.ts";
import type { OciPlatform } from "../../agent/containerd/images/oci.ts";
import { createImageStore, type RegistryOptions } from "../../agent/containerd/images/store.ts";
import { createLogger } from "../../common/logger.ts";
import { buildImageArchive, type ImageDescription } from "../../scripts/image/archive.ts";
import { startContainerd } from "./containerd.ts";

/** An image store over a containerd of its own, for tests of images. */
export async function startImageHost() {
  const containerd = await startContainerd();
  const client = createContainerdClient({ address: containerd.address, namespace: "images" });
  await client.ensureNamespace();
  return {
    containerd,
    client,
    store: (registry: Partial<RegistryOptions> = {}, platform?: OciPlatform) =>
      createImageStore({
        client,
        snapshotter: "overlayfs",
        registry: { insecureRegistries: [], caFile: undefined, authFile: undefined, ...registry },
        logger: createLogger("test", "fatal"),
        ...(platform ? { platform } : {}),
      }),
    /** Writes an archive into the test's folder. */
    async build(image: ImageDescription): Promise<string> {
      const path = join(containerd.dir, `${randomBytes(6).toString("hex")}.tar`);
      await buildImageArchive(image, path);
      return path;
    },
    /** `ctr` in the store's namespace. */
    ctr: (...args: string[]) => containerd.ctr("-n", "images", ...args),
    /** Waits until the client has found containerd again after it was away. */
    async answering() {
      const deadline = Date.now() + 5000;
      for (;;) {
        const answers = await client.version.version({}).then(
          () => true,
          () => false,
        );
        if (answers) return;
        if (Date.now() > deadline) throw new Error("containerd is not found again within the longest backoff");
        await sleep(20);
      }
    },
    /** All that images consist of. */
    async contents() {
      const content: string[] = [];
      for await (const { info } of client.content.list({})) content.push(...info.map(({ digest }) => digest));
      const snapshots: string[] = [];
      for await (const { info } of client.snapshots.list({ snapshotter: "overlayfs" })) {
        snapshots.push(...info.map(({ name }) => name));
      }
      const { statuses } = await client.content.listStatuses({});
      const { leases } = await client.leases.list({});
      const { images } = await client.images.list({});
      return {
        images: images.map(({ name }) => name),
        content,
        snapshots,
        writes: statuses.map(({ ref }) => ref),
        leases: leases.map(({ id }) => id),
      };
    },
    async [Symbol.asyncDispose]() {
      client.close();
      await containerd[Symbol.asyncDispose]();
    },
  };
}

export const nothing = { images: [], content: [], snapshots: [], writes: [], leases: [] };

/** Bytes that no compression makes smaller. */
export function noise(bytes: number): Buffer {
  return randomBytes(bytes);
}

export const wait = (ms = 60_000) => AbortSignal.timeout(ms);
