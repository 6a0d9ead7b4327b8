import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readFile, realpath, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";
import { addFile } from "../image/layer.ts";
import type { Docker } from "./docker.ts";

/** One image in manifest.json of `docker save` (moby/docker-image-spec, spec/v1.2.md); names are the format's own. */
interface Saved {
  readonly Config: string;
  readonly RepoTags: readonly string[] | null;
  readonly Layers: readonly string[];
}

/** Fast: layers hold mostly programs, of which the higher levels save little more. */
const gzipLevel = 4;

/**
 * Saves images as one gzipped archive that `docker load` of any version and the agent read. The engine writes images in
 * any order and with its own times; here the same images give the same bytes, and each layer is there once.
 * @param images references with their tags
 * @param work a folder of which a part may be used meanwhile
 * @returns bytes that the layers take unpacked
 */
export async function saveImages(
  docker: Docker,
  images: readonly string[],
  path: string,
  work: string,
): Promise<number> {
  const folder = join(work, "saved");
  await mkdir(folder);
  const archive = join(folder, "archive.tar");
  await docker.save(images, archive);
  await promisify(execFile)("tar", ["--extract", "--file", archive, "--directory", folder]);
  await rm(archive);
  const unpackedBytes = await write(await contentsOf(folder), path);
  await rm(folder, { recursive: true });
  return unpackedBytes;
}

/** What goes into an archive: its manifest.json, and by their names configurations and paths of layers. */
interface Contents {
  readonly manifest: readonly Saved[];
  readonly configs: ReadonlyMap<string, Buffer>;
  readonly layers: ReadonlyMap<string, string>;
}

/** Of what `docker save` wrote; files are named by what they hold. */
async function contentsOf(folder: string): Promise<Contents> {
  const saved: readonly Saved[] = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"));
  const configs = new Map<string, Buffer>();
  const layers = new Map<string, string>();
  const manifest: Saved[] = [];
  for (const { Config, RepoTags, Layers } of saved) {
    const bytes = await readFile(join(folder, Config));
    const configName = `${createHash("sha256").update(bytes).digest("hex")}.json`;
    configs.set(configName, bytes);
    const { rootfs } = JSON.parse(bytes.toString()) as { rootfs: { diff_ids: readonly string[] } };
    const names = rootfs.diff_ids.map((digest) => `${digest.replace("sha256:", "")}/layer.tar`);
    // A layer of two images may be a link to where it is first.
    for (const [index, name] of names.entries()) layers.set(name, await realpath(join(folder, Layers[index] ?? "")));
    manifest.push({ Config: configName, RepoTags: [...(RepoTags ?? [])].sort(), Layers: names });
  }
  manifest.sort((a, b) => (String(a.RepoTags) < String(b.RepoTags) ? -1 : 1));
  return { manifest, configs, layers };
}

/** @returns bytes of all layers */
async function write({ manifest, configs, layers }: Contents, path: string): Promise<number> {
  const tar = pack();
  const compressor = createGzip({ level: gzipLevel });
  const written = pipeline(tar as unknown as NodeJS.ReadableStream, compressor, createWriteStream(path));
  const header = { mtime: new Date(0), mode: 0o644 };
  const add = async () => {
    tar.entry({ ...header, name: "manifest.json" }, JSON.stringify(manifest));
    for (const [name, bytes] of [...configs].sort(byName)) tar.entry({ ...header, name }, bytes);
    for (const [name, layer] of [...layers].sort(byName)) await addFile(tar, { ...header, name }, layer);
    tar.finalize();
  };
  await Promise.all([written, add().catch((error: Error) => tar.destroy(error))]);
  const sizes = await Promise.all([...layers.values()].map(async (layer) => (await stat(layer)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
