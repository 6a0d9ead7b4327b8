import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { after, afterEach, before, test } from "node:test";
import type { PullProgress } from "../../agent/containerd/images/store.ts";
import { listLeases, removeLeases } from "../../agent/containerd/leases.ts";
import { busyboxLayer } from "../../scripts/image/layers.ts";
import { startRegistry } from "../support/registry.ts";
import { noise, nothing, startImageHost, wait } from "../support/registry-images.ts";
import { startProxy } from "../support/registry-proxy.ts";

const resources = new AsyncDisposableStack();
let host: Awaited<ReturnType<typeof startImageHost>>;
let registry: Awaited<ReturnType<typeof startRegistry>>;

before(async () => {
  host = resources.use(await startImageHost());
  registry = resources.use(await startRegistry());
});
after(() => resources.disposeAsync());
afterEach(clear);

/** Removes every image, and with them all that only they kept. */
async function clear() {
  const { images } = await host.contents();
  for (const name of images) await host.store().remove(name, wait());
  assert.deepEqual(await host.contents(), nothing);
}

async function proxied() {
  const proxy = await startProxy(registry.host);
  return { proxy, store: host.store({ insecureRegistries: [proxy.host] }) };
}

const file = (path: string, content: string | Buffer) => ({ type: "file" as const, path, content });

async function pushed(name: string, layerBytes: readonly number[]) {
  const layers = layerBytes.map((bytes, index) => ({ entries: [file(`/layer-${index}`, noise(bytes))] }));
  const archive = await host.build({ name: `localhost/${name}`, config: { Cmd: ["/x"] }, layers, compression: "gzip" });
  await registry.push(archive, name);
  return registry.manifest(name);
}

test("a registry over plain HTTP that is listed: pulled, unpacked, protected by its image alone", async () => {
  const manifest = await pushed("plain:1", [100_000, 200_000, 300_000, 400_000, 500_000]);
  const store = host.store({ insecureRegistries: [registry.host] });
  const notes: PullProgress[] = [];
  const name = `${registry.host}/plain:1`;
  const image = await store.resolve(name, "if-not-present", wait(), (note) => notes.push(note));
  assert.equal(image.name, name);
  assert.equal(image.digest, manifest.digest);
  assert.deepEqual(image.config.Cmd, ["/x"]);

  const total = BigInt(manifest.layers.reduce((sum, { size }) => sum + size, 0));
  assert.deepEqual(notes.at(-1), { totalBytes: total, fetchedBytes: total, layers: 5, layersUnpacked: 5 });
  assert.ok(notes.every((note, i) => i === 0 || note.fetchedBytes >= (notes[i - 1]?.fetchedBytes ?? 0n)));

  const contents = await host.contents();
  assert.equal(contents.content.length, 7, "manifest, config and five layers");
  assert.ok(contents.snapshots.includes(image.chainId));
  assert.deepEqual([contents.snapshots.length, contents.writes, contents.leases], [5, [], []]);
  assert.match(await host.ctr("images", "check"), /plain:1.*complete \(6\/6\).*true/);
  await clear();
});

test("a registry over plain HTTP that is not listed is refused with the setting's name", async () => {
  await pushed("plain:2", [1000]);
  const refused = host.store().resolve(`${registry.host}/plain:2`, "if-not-present", wait());
  await assert.rejects(refused, { code: "IMAGE_PULL_FAILED", message: /does not speak TLS.*ESB_INSECURE_REGISTRIES/ });
  assert.deepEqual(await host.contents(), nothing);
});

test("out of an index comes the image for the platform", async () => {
  const sizes: Record<string, string> = {};
  const manifests = [];
  for (const platform of ["linux/arm64", "linux/amd64"]) {
    const [os = "", architecture = ""] = platform.split("/");
    const layers = [{ entries: [file("/platform", platform)] }];
    const archive = await host.build({ name: "localhost/m:1", platform, config: {}, layers });
    await registry.push(archive, `multi:${architecture}`);
    const { digest, mediaType, size } = await registry.manifest(`multi:${architecture}`);
    manifests.push({ mediaType, digest, size, platform: { os, architecture } });
    sizes[architecture] = digest;
  }
  const mediaType = "application/vnd.oci.image.index.v1+json";
  await registry.putManifest("multi:1", mediaType, { schemaVersion: 2, mediaType, manifests });

  for (const architecture of ["amd64", "arm64"]) {
    const store = host.store({ insecureRegistries: [registry.host] }, { os: "linux", architecture });
    const image = await store.resolve(`${registry.host}/multi:1`, "if-not-present", wait());
    assert.equal(image.manifestDigest, sizes[architecture]);
    assert.notEqual(image.digest, image.manifestDigest, "the record is of the index");
    await clear();
  }
  const store = host.store({ insecureRegistries: [registry.host] }, { os: "linux", architecture: "s390x" });
  await assert.rejects(store.resolve(`${registry.host}/multi:1`, "if-not-present", wait()), {
    code: "IMAGE_INVALID",
    message: /nothing for linux\/s390x; it is for linux\/arm64, linux\/amd64/,
  });
  assert.deepEqual(await host.contents(), nothing);
});

test("a layer whose bytes don't match its digest: nothing is left", async () => {
  const manifest = await pushed("broken:1", [100_000, 3_000_000]);
  const path = registry.blobPath(manifest.layers[1]?.digest ?? "");
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(2_000_000) ^ 1, 2_000_000);
  await writeFile(path, bytes);
  const store = host.store({ insecureRegistries: [registry.host] });
  const pull = store.resolve(`${registry.host}/broken:1`, "if-not-present", wait());
  await assert.rejects(pull, { code: "IMAGE_INVALID", message: /the bytes of sha256:.* are not what its digest/ });
  assert.deepEqual(await host.contents(), nothing);
});

test("a connection that is cut in the middle of a layer goes on where it broke off", async () => {
  const manifest = await pushed("cut:1", [4_000_000]);
  const { proxy, store } = await proxied();
  await using _ = proxy;
  const digest = manifest.layers[0]?.digest ?? "";
  proxy.cut(digest, 1_500_000, 1);
  await store.resolve(`${proxy.host}/cut:1`, "if-not-present", wait());
  const [first, second, ...more] = proxy.blobs.filter((blob) => blob.digest === digest);
  assert.deepEqual([first?.range, second?.status, more], [undefined, 206, []]);
  assert.match(second?.range ?? "", /^bytes=[1-9]\d*-$/);
  await clear();
});

test("a connection that is cut again and again is given up, and nothing is left", async () => {
  const manifest = await pushed("cut:2", [3_000_000]);
  const { proxy, store } = await proxied();
  await using _ = proxy;
  proxy.cut(manifest.layers[0]?.digest ?? "", 1000, 100);
  await assert.rejects(store.resolve(`${proxy.host}/cut:2`, "if-not-present", wait()), { code: "IMAGE_PULL_FAILED" });
  assert.ok(proxy.blobs.length < 10);
  assert.deepEqual(await host.contents(), nothing);
});

test("a registry that is overloaded for a moment is asked again", async () => {
  await pushed("busy:1", [1000]);
  const { proxy, store } = await proxied();
  await using _ = proxy;
  proxy.fail(503, 2);
  await store.resolve(`${proxy.host}/busy:1`, "if-not-present", wait());
  await clear();
});

test("two pulls of one image at once fetch every blob once", async () => {
  await pushed("twice:1", [1_000_000, 1_000_000]);
  const { proxy, store } = await proxied();
  await using _ = proxy;
  const name = `${proxy.host}/twice:1`;
  const [one, two] = await Promise.all([1, 2].map(() => store.resolve(name, "if-not-present", wait())));
  assert.deepEqual(one, two);
  assert.equal(proxy.blobs.length, 3, "a config and two layers");
  await clear();
});

test("images that share layers and come at once, also from another process, share them", async () => {
  const manifest = await pushed("shared:1", [3_000_000, 2_000_000]);
  const { proxy, store } = await proxied();
  await using _ = proxy;
  const { config, layers } = manifest;
  const other = {
    schemaVersion: 2,
    mediaType: manifest.mediaType,
    config: { ...config },
    layers,
    annotations: { a: "b" },
  };
  await registry.putManifest("shared:2", manifest.mediaType, other);
  const another = host.store({ insecureRegistries: [proxy.host] });
  const images = await Promise.all([
    store.resolve(`${proxy.host}/shared:1`, "if-not-present", wait()),
    another.resolve(`${proxy.host}/shared:2`, "if-not-present", wait()),
  ]);
  assert.equal(images[0]?.chainId, images[1]?.chainId);
  const fetched = proxy.blobs.map(({ digest }) => digest).filter((digest) => digest !== config.digest);
  assert.equal(fetched.length, new Set(fetched).size, "each layer once");
  await clear();
});

test("an abort in the middle of a pull leaves nothing, and another caller's pull goes on", async () => {
  const manifest = await pushed("abort:1", [100_000, 5_000_000]);
  const { proxy, store } = await proxied();
  await using _ = proxy;
  const reached = proxy.stall(manifest.layers[1]?.digest ?? "", 2_000_000);
  const first = new AbortController();
  const second = new AbortController();
  const name = `${proxy.host}/abort:1`;
  const pulls = [first, second].map(({ signal }) => store.resolve(name, "if-not-present", signal));
  const outcomes = pulls.map((pull) =>
    pull.then(
      () => "done",
      (error) => error.message,
    ),
  );
  await reached;
  first.abort(new Error("first went"));
  assert.equal(await outcomes[0], "first went");
  const pullLeases = (await host.contents()).leases.filter((id) => id.startsWith("esb-pull-"));
  assert.equal(pullLeases.length, 1, "the other one's pull goes on");
  second.abort(new Error("second went"));
  assert.equal(await outcomes[1], "second went");
  assert.deepEqual(await host.contents(), nothing);
});

test("a containerd that is killed in the middle of a pull is told as such; the next pull works", async () => {
  const manifest = await pushed("killed:1", [4_000_000]);
  const { proxy, store } = await proxied();
  await using _ = proxy;
  const reached = proxy.stall(manifest.layers[0]?.digest ?? "", 2_000_000);
  const pull = store.resolve(`${proxy.host}/killed:1`, "if-not-present", wait());
  const outcome = pull.catch((error) => error.code);
  await reached;
  await host.containerd.kill();
  assert.equal(await outcome, "RUNTIME_UNAVAILABLE");
  await host.containerd.start();
  await host.answering();
  const again = host.store({ insecureRegistries: [registry.host] });
  assert.equal((await again.resolve(`${registry.host}/killed:1`, "if-not-present", wait())).digest, manifest.digest);
  const stale = await listLeases(host.client, wait());
  assert.equal(stale.length, 1);
  await removeLeases(host.client, stale);
});

test("an image or a registry that isn't there", async () => {
  const store = host.store({ insecureRegistries: [registry.host, "127.0.0.1:1"] });
  const table: [name: string, code: string, message: RegExp][] = [
    [`${registry.host}/absent:1`, "IMAGE_NOT_FOUND", /absent:1 is not in registry/],
    ["127.0.0.1:1/x:1", "IMAGE_PULL_FAILED", /registry 127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/],
    ["Bad Name", "INVALID_REQUEST", /is not an image reference/],
  ];
  for (const [name, code, message] of table) {
    await assert.rejects(store.resolve(name, "if-not-present", wait()), { code, message });
  }
  assert.deepEqual(await host.contents(), nothing);
});

test("gzip, zstd and plain layers, and whiteouts, make the right root file system", async () => {
  const store = host.store({ insecureRegistries: [registry.host] });
  const layers = [
    busyboxLayer(["ls", "cat"]),
    { entries: [file("/kept", "1"), file("/gone", "2"), file("/dir/old", "3"), file("/changed", "4")] },
    { entries: [file("/.wh.gone", ""), file("/dir/.wh..wh..opq", ""), file("/dir/new", "5"), file("/changed", "6")] },
  ];
  for (const compression of ["gzip", "zstd", "none"] as const) {
    const name = `layers:${compression}`;
    await registry.push(await host.build({ name: `localhost/${name}`, config: {}, layers, compression }), name);
    const { layers: stored } = await registry.manifest(name);
    if (compression !== "none") assert.ok(stored.every(({ mediaType }) => mediaType.endsWith(`+${compression}`)));
    await store.resolve(`${registry.host}/${name}`, "if-not-present", wait());
    const run = ["run", "--rm", `${registry.host}/${name}`, `whiteouts-${compression}`];
    const output = await host.ctr(...run, "/bin/busybox", "sh", "-c", "ls / /dir; cat /changed");
    assert.match(output, /kept/);
    assert.doesNotMatch(output, /gone|old|\.wh\./);
    assert.match(output, /new\n6$/);
    await clear();
  }
});
