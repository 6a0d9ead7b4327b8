import type { Readable } from "node:stream";
import { AgentError } from "../../../errors.ts";
import { entryPath, readEntry, tarEntries } from "../tar.ts";

const fileLimitBytes = 4 * 1024 * 1024;

/**
 * Reads a few files of an image out of its layers, without unpacking them, as an overlay of the layers would show them
 * (OCI image spec, layer.md, "Whiteouts"). Reading ends as soon as all of them are found.
 * @param layers uncompressed, topmost first; each is opened when its turn comes
 * @param paths without a leading slash
 * @returns a text for each path; "" for a file that isn't there
 */
export async function readLayerFiles(
  layers: Iterable<() => Readable>,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const open = new Set(paths);
  for (const layer of layers) {
    const hidden = await readLayer(layer(), open, found, signal);
    for (const path of open) if (found.has(path) || hidden.has(path)) open.delete(path);
    if (open.size === 0) break;
  }
  return new Map(paths.map((path) => [path, found.get(path) ?? ""]));
}

/** @returns those of `wanted` that this layer hides in the layers below */
async function readLayer(
  source: Readable,
  wanted: ReadonlySet<string>,
  found: Map<string, string>,
  signal: AbortSignal,
): Promise<Set<string>> {
  const hidden = new Set<string>();
  let missing = wanted.size;
  for await (const entry of tarEntries(source, signal)) {
    const path = entryPath(entry);
    for (const target of wanted) if (hides(path, target)) hidden.add(target);
    if (!wanted.has(path) || found.has(path)) continue;
    if (entry.header.type !== "file") {
      const message = `/${path} of the image is a ${entry.header.type}, not a file, so its users can't be read`;
      throw new AgentError("IMAGE_INVALID", message);
    }
    found.set(path, (await readEntry(entry, fileLimitBytes)).toString("utf8"));
    missing--;
    if (missing === 0) break;
  }
  return hidden;
}

/** Whether an entry of a layer is a whiteout of `target`, of a folder above it, or makes such a folder opaque. */
function hides(entry: string, target: string): boolean {
  const slash = entry.lastIndexOf("/") + 1;
  const name = entry.slice(slash);
  if (!name.startsWith(".wh.")) return false;
  const folder = entry.slice(0, slash);
  if (name === ".wh..wh..opq") return target.startsWith(folder);
  const covered = folder + name.slice(".wh.".length);
  return target === covered || target.startsWith(`${covered}/`);
}
