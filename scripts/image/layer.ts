import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { PassThrough, type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip, createZstdCompress } from "node:zlib";
import { pack } from "tar-stream";

export type Compression = "none" | "gzip" | "zstd";

/** One entry of a layer; `path` is absolute in the image. Folders above it are made by themselves. */
export type LayerEntry = { readonly path: string; readonly mode?: number } & (
  | { readonly type: "directory" }
  | { readonly type: "symlink"; readonly target: string }
  | { readonly type: "file"; readonly content: string | Buffer }
  /** A file of this machine, read when the layer is written. */
  | { readonly type: "copy"; readonly source: string }
);

export interface Layer {
  readonly entries: readonly LayerEntry[];
}

export interface Blob {
  readonly path: string;
  /** `sha256:…` of the bytes as stored. */
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface LayerBlob extends Blob {
  readonly mediaType: string;
  /** `sha256:…` of the bytes before compression (`diff_ids` of the OCI image config). */
  readonly diffId: string;
}

/** OCI image spec, layer media types. */
const mediaTypes: Record<Compression, string> = {
  none: "application/vnd.oci.image.layer.v1.tar",
  gzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  zstd: "application/vnd.oci.image.layer.v1.tar+zstd",
};

/** Writes a layer to a file; the same entries give the same bytes, whatever the clock says. */
export async function writeLayer(layer: Layer, path: string, compression: Compression): Promise<LayerBlob> {
  const plain = hashing();
  const stored = hashing();
  await pipeline(tarOf(layer), plain.stream, compressor(compression), stored.stream, createWriteStream(path));
  return {
    path,
    mediaType: mediaTypes[compression],
    diffId: plain.digest(),
    digest: stored.digest(),
    sizeBytes: (await stat(path)).size,
  };
}

function compressor(compression: Compression): Transform {
  if (compression === "gzip") return createGzip();
  return compression === "zstd" ? createZstdCompress() : new PassThrough();
}

function tarOf(layer: Layer): Readable {
  const tar = pack();
  void writeEntries(tar, layer).then(
    () => tar.finalize(),
    (error: Error) => tar.destroy(error),
  );
  return tar as unknown as Readable;
}

async function writeEntries(tar: ReturnType<typeof pack>, layer: Layer): Promise<void> {
  for (const entry of withFolders(layer.entries)) {
    const header = { name: entry.path.slice(1), mtime: new Date(0), uid: 0, gid: 0 };
    if (entry.type === "directory") tar.entry({ ...header, type: "directory", mode: entry.mode ?? 0o755 });
    else if (entry.type === "symlink") tar.entry({ ...header, type: "symlink", linkname: entry.target, mode: 0o777 });
    else if (entry.type === "file") tar.entry({ ...header, mode: entry.mode ?? 0o644 }, entry.content);
    else await addFile(tar, { ...header, mode: entry.mode ?? 0o644 }, entry.source);
  }
}

/** Adds a file of this machine to a tar in the making. */
export async function addFile(
  tar: ReturnType<typeof pack>,
  header: Parameters<ReturnType<typeof pack>["entry"]>[0],
  source: string,
): Promise<void> {
  const { size } = await stat(source);
  await pipeline(createReadStream(source, { highWaterMark: 1 << 20 }), tar.entry({ ...header, size }));
}

/** Every folder before what is in it, sorted, each once; entries that are given keep their mode. */
function withFolders(entries: readonly LayerEntry[]): LayerEntry[] {
  const all = new Map<string, LayerEntry>();
  for (const { path } of entries) {
    const parts = path.split("/").slice(1, -1);
    for (let depth = 1; depth <= parts.length; depth++) {
      const folder = `/${parts.slice(0, depth).join("/")}`;
      all.set(folder, { type: "directory", path: folder });
    }
  }
  for (const entry of entries) all.set(entry.path, entry);
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function hashing(): { stream: Transform; digest: () => string } {
  const hash = createHash("sha256");
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  return { stream, digest: () => `sha256:${hash.digest("hex")}` };
}
