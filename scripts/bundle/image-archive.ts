import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readFile, realpath, rm } from "node:fs/promises";
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
 */
export async function saveImages(docker: Docker, images: readonly string[], path: string, work: string): Promise<void> {
  const folder = join(work, "saved");
  await mkdir(folder);
  const archive = join(folder, "archive.tar");
  await docker.save(images, archive);
  await promisify(execFile)("tar", ["--extract", "--file", archive, "--directory", folder]);
  await rm(archive);
  await write(folder, path);
  await rm(folder, { recursive: true });
}

async function write(folder: string, path: string): Promise<void> {
  const saved: readonly Saved[] = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"));
  const files = new Map<string, string | Buffer>();
  const manifest: Saved[] = [];
  for (const { Config, RepoTags, Layers } of saved) {
    const config = await readFile(join(folder, Config));
    const configName = `${createHash("sha256").update(config).digest("hex")}.json`;
    const { rootfs } = JSON.parse(config.toString()) as { rootfs: { diff_ids: readonly string[] } };
    files.set(configName, config);
    const layers: string[] = [];
    for (const [index, layer] of Layers.entries()) {
      const name = `${rootfs.diff_ids[index]?.replace("sha256:", "")}/layer.tar`;
      // A layer of two images may be a link to where it is first.
      files.set(name, await realpath(join(folder, layer)));
      layers.push(name);
    }
    manifest.push({ Config: configName, RepoTags: [...(RepoTags ?? [])].sort(), Layers: layers });
  }
  manifest.sort((a, b) => (String(a.RepoTags) < String(b.RepoTags) ? -1 : 1));

  const tar = pack();
  const written = pipeline(
    tar as unknown as NodeJS.ReadableStream,
    createGzip({ level: gzipLevel }),
    createWriteStream(path),
  );
  const header = { mtime: new Date(0), mode: 0o644 };
  const add = async () => {
    tar.entry({ ...header, name: "manifest.json" }, JSON.stringify(manifest));
    for (const [name, content] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (Buffer.isBuffer(content)) tar.entry({ ...header, name }, content);
      else await addFile(tar, { ...header, name }, content as string);
    }
    tar.finalize();
  };
  await Promise.all([written, add().catch((error: Error) => tar.destroy(error))]);
}
