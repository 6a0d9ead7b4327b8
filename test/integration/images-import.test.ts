import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { extract, pack } from "tar-stream";
import { digestOf } from "../../agent/containerd/images/digest.ts";
import { noise, nothing, startImageHost, wait } from "../support/registry-images.ts";

const resources = new AsyncDisposableStack();
let host: Awaited<ReturnType<typeof startImageHost>>;
/** An OCI archive of localhost/x:1 with two layers. */
let archive: string;

before(async () => {
  host = resources.use(await startImageHost());
  archive = await host.build({
    name: "localhost/x:1",
    config: { Cmd: ["/x"] },
    layers: [
      { entries: [{ type: "file", path: "/x", content: noise(3_000_000) }] },
      { entries: [{ type: "file", path: "/y", content: "y" }] },
    ],
    compression: "gzip",
  });
});
after(() => resources.disposeAsync());
afterEach(async () => {
  for (const name of (await host.contents()).images) await host.store().remove(name, wait());
  assert.deepEqual(await host.contents(), nothing);
});

type Files = Map<string, Buffer>;

async function untar(path: string): Promise<Files> {
  const files: Files = new Map();
  const entries = extract();
  createReadStream(path).pipe(entries as unknown as NodeJS.WritableStream);
  for await (const entry of entries) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    if (entry.header.type === "file") files.set(entry.header.name, Buffer.concat(chunks));
  }
  return files;
}

async function tar(files: Iterable<[name: string, content: Buffer]>): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of files) archive.entry({ name }, content);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** In pieces that end anywhere. */
async function* pieces(bytes: Buffer, size = 70_001): AsyncIterable<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

const importBytes = (bytes: Buffer, name?: string) => host.store().importArchive(pieces(bytes), name, wait());

test("an OCI archive, in any order, gzipped, and under another name", async () => {
  const files = [...(await untar(archive))];
  const variants: [bytes: Buffer, name: string | undefined, expected: string][] = [
    [await readFile(archive), undefined, "localhost/x:1"],
    [await tar(files.toReversed()), undefined, "localhost/x:1"],
    [gzipSync(await readFile(archive)), "mine:2", "docker.io/library/mine:2"],
  ];
  for (const [bytes, name, expected] of variants) {
    const [image, ...more] = await importBytes(bytes, name);
    assert.deepEqual([image?.name, more], [expected, []]);
    const resolved = await host.store().resolve(expected, "never", wait());
    assert.deepEqual(resolved.config.Cmd, ["/x"]);
    assert.equal((await host.contents()).leases.length, 0);
    await host.store().remove(expected, wait());
    assert.deepEqual(await host.contents(), nothing, "all of it goes with the image");
  }
});

test("an index of indexes with several platforms keeps them all and uses ours", async () => {
  const files: Files = new Map();
  const add = (document: unknown, mediaType: string) => {
    const bytes = Buffer.from(JSON.stringify(document));
    files.set(`blobs/${digestOf(bytes).replace(":", "/")}`, bytes);
    return { mediaType, digest: digestOf(bytes), size: bytes.length };
  };
  const manifests = [];
  for (const platform of ["linux/amd64", "linux/arm64"]) {
    const [os, architecture] = platform.split("/");
    const layers = [{ entries: [{ type: "file" as const, path: "/platform", content: platform }] }];
    const one = await untar(await host.build({ name: "localhost/m:1", platform, config: {}, layers }));
    for (const [name, bytes] of one) if (name.startsWith("blobs/")) files.set(name, bytes);
    const [entry] = JSON.parse(String(one.get("index.json"))).manifests;
    manifests.push({ ...entry, annotations: undefined, platform: { os, architecture } });
  }
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const inner = add({ schemaVersion: 2, mediaType, manifests }, mediaType);
  const outer = add({ schemaVersion: 2, mediaType, manifests: [inner] }, mediaType);
  const annotations = { "io.containerd.image.name": "localhost/multi:1" };
  const index = { schemaVersion: 2, manifests: [{ ...outer, annotations }] };
  files.set("index.json", Buffer.from(JSON.stringify(index)));

  const [image] = await importBytes(await tar(files));
  assert.equal(image?.digest, outer.digest);
  assert.equal((await host.contents()).content.length, 8, "two indexes, two times manifest, config and layer");
  const arm = host.store({}, { os: "linux", architecture: "arm64", variant: "v8" });
  const resolved = await arm.resolve("localhost/multi:1", "never", wait());
  assert.equal(resolved.manifestDigest, manifests[1]?.digest);
});

test("a docker archive as skopeo writes it", async () => {
  const path = join(host.containerd.dir, "docker.tar");
  const source = `oci-archive:${archive}`;
  const target = `docker-archive:${path}:registry.local/d:1`;
  await promisify(execFile)("skopeo", ["copy", "--insecure-policy", "--quiet", source, target]);
  const [image] = await importBytes(await readFile(path));
  assert.equal(image?.name, "registry.local/d:1");
  const resolved = await host.store().resolve("registry.local/d:1", "never", wait());
  assert.deepEqual(resolved.config.Cmd, ["/x"]);
  assert.match(await host.ctr("images", "check"), /registry\.local\/d:1.*complete \(3\/3\).*true/);
});

test("an archive that is broken leaves nothing and says what is wrong", async () => {
  const files = await untar(archive);
  const whole = await readFile(archive);
  const layer = [...files].find(([, bytes]) => bytes.length > 1_000_000)?.[0] ?? "";
  const changed = Buffer.from(files.get(layer) ?? []);
  changed.writeUInt8(changed.readUInt8(1_000_000) ^ 1, 1_000_000);
  const without = (name: string) => [...files].filter(([other]) => other !== name);
  const other = { os: "linux", architecture: "s390x" };

  const table: [what: string, bytes: Buffer, name: string | undefined, message: RegExp][] = [
    ["empty", Buffer.alloc(0), undefined, /is empty/],
    ["truncated", whole.subarray(0, 1_500_000), undefined, /cannot be read/],
    ["no tar", Buffer.alloc(5000, "x"), undefined, /cannot be read/],
    ["broken gzip", gzipSync(whole).subarray(0, 1_000_000), undefined, /cannot be read/],
    ["a changed layer", await tar([...without(layer), [layer, changed]]), undefined, /are not what its digest/],
    ["a missing layer", await tar(without(layer)), undefined, /not complete: sha256:.* is missing/],
    ["no index", await tar(without("index.json")), undefined, /neither an OCI image.*nor a docker archive/],
    ["an unsafe name", await tar([...files, ["../../etc/passwd", Buffer.from("x")]]), undefined, /unsafe name/],
    ["an absolute name", await tar([...files, ["/etc/passwd", Buffer.from("x")]]), undefined, /unsafe name/],
    ["no JSON", await tar([...without("index.json"), ["index.json", Buffer.from("{")]]), undefined, /is not JSON/],
    ["no name", await tar(unnamed(files)), undefined, /give it a name/],
  ];
  for (const [what, bytes, name, message] of table) {
    await assert.rejects(importBytes(bytes, name), { code: "IMAGE_INVALID", message }, what);
    assert.deepEqual(await host.contents(), nothing, what);
  }
  const foreign = host.store({}, other).importArchive(pieces(whole), undefined, wait());
  await assert.rejects(foreign, { code: "IMAGE_INVALID", message: /has nothing for linux\/s390x/ });
  assert.deepEqual(await host.contents(), nothing);
  const [named] = await importBytes(await tar(unnamed(files)), "given:1");
  assert.equal(named?.name, "docker.io/library/given:1");
});

function unnamed(files: Files): Files {
  const index = JSON.parse(String(files.get("index.json")));
  const manifests = index.manifests.map((entry: object) => ({ ...entry, annotations: undefined }));
  return new Map([...files, ["index.json", Buffer.from(JSON.stringify({ ...index, manifests }))]]);
}

test("an import that is aborted in the middle leaves nothing", async () => {
  const whole = await readFile(archive);
  const controller = new AbortController();
  async function* half(): AsyncIterable<Uint8Array> {
    yield whole.subarray(0, 2_000_000);
    controller.abort(new Error("went"));
    await new Promise(() => {});
  }
  await assert.rejects(host.store().importArchive(half(), undefined, controller.signal));
  assert.deepEqual(await host.contents(), nothing);
});
