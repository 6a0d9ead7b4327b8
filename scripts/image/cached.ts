import { createHash } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildImageArchive, type ImageDescription } from "./archive.ts";
import type { LayerEntry } from "./layer.ts";

/**
 * Builds an archive unless the one at `path` was built from the same description by the same code.
 * @returns whether it was built now
 */
export async function buildCached(image: ImageDescription, path: string): Promise<boolean> {
  const inputs = await hashOf(image);
  const note = `${path}.inputs`;
  const known = await readFile(note, "utf8").catch(() => "");
  if (known === inputs && (await stat(path).catch(() => undefined)) !== undefined) return false;
  await buildImageArchive(image, path);
  await writeFile(note, inputs);
  return true;
}

async function hashOf(image: ImageDescription): Promise<string> {
  const hash = createHash("sha256");
  for (const name of (await readdir(import.meta.dirname)).sort()) {
    hash.update(await readFile(join(import.meta.dirname, name)));
  }
  hash.update(JSON.stringify({ ...image, layers: undefined }));
  for (const entry of image.layers.flatMap((layer) => layer.entries)) hash.update(JSON.stringify(await summary(entry)));
  return hash.digest("hex");
}

/** Large files of this machine are known by size and time: reading them takes longer than the rest together. */
async function summary(entry: LayerEntry): Promise<unknown> {
  if (entry.type !== "copy") return entry;
  const { size, mtimeMs } = await stat(entry.source);
  return { ...entry, size, mtimeMs };
}
