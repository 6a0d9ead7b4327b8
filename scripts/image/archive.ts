import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import { addFile, type Compression, type Layer, type LayerBlob, writeLayer } from "./layer.ts";

/** The part of an OCI image's config that a container runs by; names are the format's own. */
export interface ImageConfig {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly WorkingDir?: string;
  readonly User?: string;
  readonly Labels?: Readonly<Record<string, string>>;
}

export interface ImageDescription {
  /** Full reference, with host and tag. */
  readonly name: string;
  /** `os/architecture`, in Go's words; default: this machine's. */
  readonly platform?: string;
  readonly config: ImageConfig;
  /** Lowest first. */
  readonly layers: readonly Layer[];
  readonly compression?: Compression;
}

/**
 * Writes an image as an OCI image layout in a tar (OCI image spec, image-layout.md), as `ctr images import` and
 * skopeo's `oci-archive:` read it. The same description gives the same bytes. The file appears when it is complete.
 */
export async function buildImageArchive(image: ImageDescription, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const work = await mkdtemp(join(dirname(path), ".building-"));
  try {
    const layers: LayerBlob[] = [];
    for (const [index, layer] of image.layers.entries()) {
      layers.push(await writeLayer(layer, join(work, `layer-${index}`), image.compression ?? "none"));
    }
    const complete = join(work, "archive.tar");
    await writeArchive(image, layers, complete);
    await rename(complete, path);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** This machine as an image's platform names it. */
export function hostPlatform(): string {
  return `linux/${process.arch === "x64" ? "amd64" : process.arch}`;
}

async function writeArchive(image: ImageDescription, layers: readonly LayerBlob[], path: string): Promise<void> {
  const [os, architecture] = (image.platform ?? hostPlatform()).split("/");
  const config = jsonBlob("application/vnd.oci.image.config.v1+json", {
    architecture,
    os,
    created: new Date(0).toISOString(),
    config: image.config,
    rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
  });
  const manifest = jsonBlob("application/vnd.oci.image.manifest.v1+json", {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: config.descriptor,
    layers: layers.map(({ mediaType, digest, sizeBytes }) => ({ mediaType, digest, size: sizeBytes })),
  });
  const index = jsonBlob("application/vnd.oci.image.index.v1+json", {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{ ...manifest.descriptor, platform: { os, architecture }, annotations: names(image.name) }],
  });

  const tar = pack();
  const written = pipeline(tar as unknown as NodeJS.ReadableStream, createWriteStream(path) as Writable);
  const header = { mtime: new Date(0), mode: 0o644 };
  const blobs = new Map<string, Buffer | LayerBlob>([
    [config.descriptor.digest, config.bytes],
    [manifest.descriptor.digest, manifest.bytes],
    ...layers.map((layer) => [layer.digest, layer] as const),
  ]);
  for (const [digest, blob] of [...blobs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const name = `blobs/${digest.replace(":", "/")}`;
    if (Buffer.isBuffer(blob)) tar.entry({ ...header, name }, blob);
    else await addFile(tar, { ...header, name }, blob.path);
  }
  tar.entry({ ...header, name: "index.json" }, index.bytes);
  tar.entry({ ...header, name: "oci-layout" }, JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  tar.finalize();
  await written;
}

/** containerd takes the full name from its own annotation; other tools take the tag from OCI's. */
function names(name: string): Record<string, string> {
  return {
    "io.containerd.image.name": name,
    "org.opencontainers.image.ref.name": name.slice(name.lastIndexOf(":") + 1),
  };
}

function jsonBlob(mediaType: string, value: unknown) {
  const bytes = Buffer.from(JSON.stringify(value));
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { bytes, descriptor: { mediaType, digest, size: bytes.length } };
}
