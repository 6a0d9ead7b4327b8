import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { extract, type Header } from "tar-stream";

/** A file of a tar: its header, and its bytes to be read once. */
export interface TarEntry extends AsyncIterable<Uint8Array> {
  readonly header: Header;
}

/** The bytes that a compressed stream stands for. Whoever stops reading early ends `source` too. */
export function decompressed(source: AsyncIterable<Uint8Array>, compression: "gzip" | "zstd" | "none"): Readable {
  const readable = Readable.from(source);
  if (compression === "none") return readable;
  const transform = compression === "gzip" ? createGunzip() : createZstdDecompress();
  // A failure destroys the transform with the same error, where its reader meets it.
  pipeline(readable, transform).catch(() => {});
  return transform;
}

/**
 * Entries of a tar, one at a time; what its reader leaves of an entry is skipped.
 * @throws whatever is wrong with the tar or with `source`
 */
export async function* tarEntries(source: Readable, signal: AbortSignal): AsyncIterable<TarEntry> {
  const entries = extract();
  const feeding = pipeline(source, entries, { signal });
  feeding.catch(() => {});
  try {
    for await (const entry of entries) {
      yield entry as TarEntry;
      entry.resume();
    }
    await feeding;
  } finally {
    entries.destroy();
    source.destroy();
  }
}

/** A whole entry. @throws Error when it has more than `limitBytes` */
export async function readEntry(entry: TarEntry, limitBytes: number): Promise<Buffer> {
  if (entry.header.size > limitBytes) throw new Error(`${entry.header.name} has more than ${limitBytes} bytes`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of entry) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** An entry's path without `./` and slashes around it. */
export function entryPath(entry: TarEntry): string {
  return entry.header.name.replace(/^(?:\.?\/)+/, "").replace(/\/+$/, "");
}
