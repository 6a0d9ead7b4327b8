import { createHash } from "node:crypto";
import { posix } from "node:path";
import type { Readable } from "node:stream";
import { AgentError } from "../../../errors.ts";
import type { ContentClient } from "../../content/read.ts";
import { writeBlob } from "../../content/write.ts";
import type { Lease } from "../../leases.ts";
import { isDigest } from "../digest.ts";
import { typeByContent } from "../layer-types.ts";
import { documentLimitBytes } from "../stored.ts";
import { decompressed, entryPath, readEntry, type TarEntry, tarEntries } from "../tar.ts";

export interface ImportContext {
  readonly client: ContentClient;
  readonly lease: Lease;
  readonly signal: AbortSignal;
}

/** A file of the archive that is in the content store now. */
export interface StoredFile {
  readonly digest: string;
  readonly sizeBytes: number;
  /** What it is if it is a layer, by its first bytes. */
  readonly layerType: string;
}

export interface ArchiveContents {
  /** `index.json` of an OCI layout. */
  readonly index: Buffer | undefined;
  /** `manifest.json` of a docker archive. */
  readonly manifest: Buffer | undefined;
  /** The file at a path of the archive, behind links if need be. */
  file(path: string): StoredFile | undefined;
}

/** Files of docker's older formats that nothing refers to. */
const ignored = /(?:^|\/)(?:repositories|VERSION|json|oci-layout)$/;
const linkLimit = 8;
const magicBytes = 4;

/**
 * Writes the files of an archive into the content store as they come, whatever their order; those whose names are
 * digests must match them.
 * @throws AgentError IMAGE_INVALID, and what a tar reader throws
 */
export async function storeArchive(
  context: ImportContext,
  archive: AsyncIterable<Uint8Array>,
): Promise<ArchiveContents> {
  const documents = new Map<string, Buffer>();
  const files = new Map<string, StoredFile>();
  const links = new Map<string, string>();
  for await (const entry of tarEntries(await plainTar(archive), context.signal)) {
    context.signal.throwIfAborted();
    const path = safePath(entry);
    const { type, linkname } = entry.header;
    if (type === "symlink" && linkname) links.set(path, posix.join(posix.dirname(path), linkname));
    if (type === "link" && linkname) links.set(path, posix.normalize(linkname));
    if ((type !== "file" && type !== "contiguous-file") || ignored.test(path)) continue;
    if (path === "index.json" || path === "manifest.json")
      documents.set(path, await readEntry(entry, documentLimitBytes));
    else files.set(path, await storeFile(context, path, entry));
  }
  const follow = (path: string, hops = 0): StoredFile | undefined => {
    const target = links.get(path);
    return target === undefined || hops > linkLimit ? files.get(path) : follow(target, hops + 1);
  };
  return {
    index: documents.get("index.json"),
    manifest: documents.get("manifest.json"),
    file: (path) => follow(posix.normalize(path)),
  };
}

async function storeFile({ client, lease, signal }: ImportContext, path: string, entry: TarEntry): Promise<StoredFile> {
  const [folder, algorithm, hex, more] = path.split("/");
  const named = `${algorithm}:${hex}`;
  const expected = folder === "blobs" && more === undefined && isDigest(named) ? named : undefined;
  const sizeBytes = entry.header.size;
  const hash = createHash("sha256");
  const heads: Uint8Array[] = [];
  async function* source(): AsyncIterable<Uint8Array> {
    for await (const chunk of entry) {
      if (heads.length === 0 && chunk.length > 0) heads.push(chunk.subarray(0, 4));
      if (expected === undefined) hash.update(chunk);
      yield chunk;
    }
  }
  let digest = expected;
  const digestAtEnd = () => {
    digest ??= `sha256:${hash.digest("hex")}`;
    return digest;
  };
  // A ref of its own: two imports of one archive don't wait for each other.
  const blob = { ref: `${lease.id}-${path}`, digest: expected ?? digestAtEnd, sizeBytes };
  await writeBlob(client, blob, source, lease, signal);
  return { digest: digestAtEnd(), sizeBytes, layerType: typeByContent(heads[0] ?? Buffer.alloc(0)) };
}

/** @throws AgentError IMAGE_INVALID for a name that leaves the archive: nobody who means well writes it */
function safePath(entry: TarEntry): string {
  const path = entryPath(entry);
  if (path.split("/").includes("..") || entry.header.name.startsWith("/") || path.includes("\0")) {
    throw new AgentError("IMAGE_INVALID", `the archive has an unsafe name: ${JSON.stringify(entry.header.name)}`);
  }
  return path;
}

/** The tar, gunzipped if the archive begins as gzip does. */
async function plainTar(archive: AsyncIterable<Uint8Array>): Promise<Readable> {
  const rest = archive[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < magicBytes) {
    const next = await rest.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  if (head.length === 0) throw new AgentError("IMAGE_INVALID", "the archive is empty");
  async function* whole(): AsyncIterable<Uint8Array> {
    yield head;
    yield* { [Symbol.asyncIterator]: () => rest };
  }
  return decompressed(whole(), typeByContent(head).endsWith("+gzip") ? "gzip" : "none");
}
