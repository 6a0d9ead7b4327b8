import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { extract } from "tar-stream";
import { buildImageArchive, type ImageDescription } from "./archive.ts";
import { buildCached } from "./cached.ts";

const image: ImageDescription = {
  name: "localhost/thing:1",
  platform: "linux/arm64",
  config: { Entrypoint: ["/run"], Env: ["A=b"], User: "993:990" },
  layers: [
    {
      entries: [
        { type: "file", path: "/opt/deep/run", content: "#!/bin/sh\n", mode: 0o755 },
        { type: "symlink", path: "/run", target: "opt/deep/run" },
        { type: "directory", path: "/tmp", mode: 0o1777 },
      ],
    },
  ],
};

test("an archive is an OCI image layout whose digests hold", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.tar");
  await buildImageArchive(image, path);
  const files = await untar(path);
  const index = JSON.parse(text(files, "index.json"));
  const [entry] = index.manifests;
  assert.equal(entry.annotations["io.containerd.image.name"], "localhost/thing:1");
  assert.equal(entry.annotations["org.opencontainers.image.ref.name"], "1");
  assert.deepEqual(entry.platform, { os: "linux", architecture: "arm64" });
  for (const [name, file] of files) {
    if (name.startsWith("blobs/")) assert.equal(name, `blobs/sha256/${sha256(file.content)}`);
  }
  const manifest = JSON.parse(text(files, blobName(entry.digest)));
  const config = JSON.parse(text(files, blobName(manifest.config.digest)));
  assert.deepEqual(config.config, image.config);
  assert.deepEqual(config.rootfs.diff_ids, [manifest.layers[0].digest]);
  assert.deepEqual(await readdir(folder.path), ["a.tar"]);
});

test("a layer holds folders before what is in them, with their modes, at the beginning of time", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.tar");
  await buildImageArchive(image, path);
  const files = await untar(path);
  const manifest = JSON.parse(text(files, blobName(JSON.parse(text(files, "index.json")).manifests[0].digest)));
  const layer = join(folder.path, "layer.tar");
  await writeFile(layer, files.get(blobName(manifest.layers[0].digest))?.content ?? "");
  const entries = await untar(layer);
  assert.deepEqual([...entries.keys()], ["opt", "opt/deep", "opt/deep/run", "run", "tmp"]);
  assert.equal(entries.get("tmp")?.mode, 0o1777);
  assert.equal(entries.get("opt/deep/run")?.mode, 0o755);
  assert.equal(entries.get("run")?.link, "opt/deep/run");
  assert.ok([...entries.values()].every((entry) => entry.timeMs === 0));
});

test("the same description gives the same bytes", async () => {
  await using folder = await temporaryFolder();
  const [one, two] = [join(folder.path, "1.tar"), join(folder.path, "2.tar")];
  for (const path of [one, two]) await buildImageArchive({ ...image, compression: "gzip" }, path);
  assert.deepEqual(await readFile(one), await readFile(two));
});

for (const [compression, unpack] of [
  ["gzip", gunzipSync],
  ["zstd", zstdDecompressSync],
] as const) {
  test(`a ${compression} layer has its own digest beside that of its content`, async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "a.tar");
    await buildImageArchive({ ...image, compression }, path);
    const files = await untar(path);
    const manifest = JSON.parse(text(files, blobName(JSON.parse(text(files, "index.json")).manifests[0].digest)));
    const config = JSON.parse(text(files, blobName(manifest.config.digest)));
    const [layer] = manifest.layers;
    assert.equal(layer.mediaType, `application/vnd.oci.image.layer.v1.tar+${compression}`);
    const content = unpack(files.get(blobName(layer.digest))?.content ?? Buffer.alloc(0));
    assert.equal(config.rootfs.diff_ids[0], `sha256:${sha256(content)}`);
  });
}

test("a source that is missing fails the build and leaves nothing", async () => {
  await using folder = await temporaryFolder();
  const broken: ImageDescription = {
    ...image,
    layers: [{ entries: [{ type: "copy", path: "/x", source: join(folder.path, "none") }] }],
  };
  await assert.rejects(buildImageArchive(broken, join(folder.path, "a.tar")), /ENOENT/);
  assert.deepEqual(await readdir(folder.path), []);
});

test("an archive is built again only when its inputs have changed", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.tar");
  assert.equal(await buildCached(image, path), true);
  assert.equal(await buildCached(image, path), false);
  assert.equal(await buildCached({ ...image, config: { User: "0" } }, path), true);
  await rm(path);
  assert.equal(await buildCached({ ...image, config: { User: "0" } }, path), true);
});

interface Entry {
  readonly content: Buffer;
  readonly mode: number | undefined;
  readonly link: string | null | undefined;
  readonly timeMs: number | undefined;
}

async function untar(path: string): Promise<Map<string, Entry>> {
  const files = new Map<string, Entry>();
  for await (const entry of createReadStream(path).pipe(extract())) {
    const { name, mode, linkname, mtime } = entry.header;
    files.set(name.replace(/\/$/, ""), {
      content: await buffer(entry),
      mode,
      link: linkname,
      timeMs: mtime?.getTime(),
    });
  }
  return files;
}

function text(files: Map<string, Entry>, name: string): string {
  return files.get(name)?.content.toString() ?? assert.fail(`${name} is missing`);
}

function blobName(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "esb-test-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
