import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { listLeases, removeLeases, takeLease } from "../../agent/containerd/leases.ts";
import { baseLayer, busyboxLayer } from "../../scripts/image/layers.ts";
import { startRegistry } from "../support/registry.ts";
import { nothing, startImageHost, wait } from "../support/registry-images.ts";
import { startProxy } from "../support/registry-proxy.ts";

const resources = new AsyncDisposableStack();
let host: Awaited<ReturnType<typeof startImageHost>>;

before(async () => {
  host = resources.use(await startImageHost());
});
after(() => resources.disposeAsync());
afterEach(async () => {
  for (const name of (await host.contents()).images) await host.store().remove(name, wait());
  assert.deepEqual(await host.contents(), nothing);
});

const build = (content: string, user = "") =>
  host.build({
    name: "localhost/x:1",
    config: { User: user, Cmd: ["/bin/busybox", "sleep", "60"] },
    layers: [busyboxLayer([]), baseLayer(), { entries: [{ type: "file", path: "/content", content }] }],
    compression: "gzip",
  });

async function importFile(path: string) {
  await host.store().importArchive(createReadStream(path), undefined, wait());
}

test("pull policies", async () => {
  await using registry = await startRegistry();
  await using proxy = await startProxy(registry.host);
  const store = host.store({ insecureRegistries: [proxy.host] });
  const name = `${proxy.host}/x:1`;
  await registry.push(await build("first"), "x:1");

  await assert.rejects(store.resolve(name, "never", wait()), {
    code: "IMAGE_NOT_FOUND",
    message: /is not in containerd's namespace images, and its pull policy is "never"/,
  });
  const first = await store.resolve(name, "if-not-present", wait());
  await registry.push(await build("second"), "x:1");
  const fetched = proxy.blobs.length;
  assert.equal((await store.resolve(name, "never", wait())).digest, first.digest);
  assert.equal((await store.resolve(name, "if-not-present", wait())).digest, first.digest);
  assert.equal(proxy.blobs.length, fetched, "nothing was asked of the registry");

  const second = await store.resolve(name, "always", wait());
  assert.notEqual(second.digest, first.digest);
  assert.equal(proxy.blobs.length, fetched + 2, "only the config and the layer that changed");
  assert.equal((await store.resolve(name, "always", wait())).digest, second.digest);
  assert.equal(proxy.blobs.length, fetched + 2, "what the store has is not fetched again");
  assert.equal((await store.pull(name, wait())).digest, second.digest);

  await proxy[Symbol.asyncDispose]();
  await assert.rejects(store.resolve(name, "always", wait()), { code: "IMAGE_PULL_FAILED" });
  assert.equal((await store.resolve(name, "if-not-present", wait())).digest, second.digest, "offline");
});

test("an image that is removed while its snapshot is in use: what runs goes on, the rest goes at its end", async () => {
  await importFile(await build("x"));
  await host.ctr("run", "-d", "localhost/x:1", "user");
  assert.equal(await host.store().remove("localhost/x:1", wait()), true);
  assert.equal(await host.store().remove("localhost/x:1", wait()), false);
  assert.match(await host.ctr("tasks", "exec", "--exec-id", "e", "user", "/bin/busybox", "cat", "/content"), /^x$/m);
  const during = await host.contents();
  assert.deepEqual([during.images, during.content, during.snapshots.length], [[], [], 4]);
  await assert.rejects(host.store().resolve("localhost/x:1", "if-not-present", wait()), {
    code: "IMAGE_NOT_FOUND",
    message: /import it or pull it/,
  });
  await host.ctr("tasks", "kill", "-s", "SIGKILL", "user");
  await host.ctr("tasks", "rm", "-f", "user").catch(() => {});
  await host.ctr("containers", "rm", "user");
  // A collection that somebody waits for.
  await importFile(await build("y"));
});

test("an image that ctr imported without unpacking it is unpacked", async () => {
  await host.ctr("images", "import", "--no-unpack", await build("x"));
  assert.deepEqual((await host.contents()).snapshots, []);
  const store = host.store();
  const [one, two] = await Promise.all([1, 2].map(() => store.resolve("localhost/x:1", "never", wait())));
  assert.deepEqual(one, two);
  assert.ok((await host.contents()).snapshots.includes(one?.chainId ?? ""));
  assert.match(await host.ctr("images", "check"), /localhost\/x:1.*true/);
  const [listed] = await store.list(wait());
  assert.equal(listed?.digest, one?.digest);
  assert.ok((listed?.sizeBytes ?? 0n) > 1000n);
});

test("an image whose snapshots somebody removed is unpacked again", async () => {
  await importFile(await build("x"));
  const store = host.store();
  const { chainId } = await store.resolve("localhost/x:1", "never", wait());
  await host.ctr("snapshots", "rm", chainId);
  await store.resolve("localhost/x:1", "never", wait());
  assert.ok((await host.contents()).snapshots.includes(chainId));
});

test("an image whose layers are gone is not complete", async () => {
  await importFile(await build("x"));
  const store = host.store();
  const { chainId, layers } = await store.resolve("localhost/x:1", "never", wait());
  await host.ctr("snapshots", "rm", chainId);
  await host.ctr("content", "rm", layers.at(-1)?.digest ?? "");
  await assert.rejects(store.resolve("localhost/x:1", "never", wait()), {
    code: "IMAGE_INVALID",
    message: /is not complete/,
  });
});

test("the image's user by its own passwd and group", async () => {
  const table: [user: string, uid: number | undefined, gid: number | undefined][] = [
    ["", undefined, undefined],
    ["sbx_user1051", 993, 990],
    ["sbx_user1051:root", 993, 0],
    ["1000:1001", 1000, 1001],
    ["993", 993, 990],
  ];
  for (const [user, uid, gid] of table) {
    await importFile(await build("x", user));
    const store = host.store();
    const found = await store.resolveUser(await store.resolve("localhost/x:1", "never", wait()), wait());
    assert.deepEqual([found?.uid, found?.gid], [uid, gid], user);
  }
  await importFile(await build("x", "nobody-knows"));
  const store = host.store();
  const image = await store.resolve("localhost/x:1", "never", wait());
  await assert.rejects(store.resolveUser(image, wait()), {
    code: "IMAGE_INVALID",
    message: /wants to run as nobody-knows, but user nobody-knows is not in its \/etc\/passwd/,
  });
});

test("containerd goes away: told as such, and found again when it is back", async () => {
  await importFile(await build("x"));
  const store = host.store();
  const before = await store.resolve("localhost/x:1", "never", wait());
  await host.containerd.stop();
  await assert.rejects(store.resolve("localhost/x:1", "never", wait()), {
    code: "RUNTIME_UNAVAILABLE",
    message: /does not answer/,
  });
  await host.containerd.start();
  await host.answering();
  assert.deepEqual(await store.resolve("localhost/x:1", "never", wait()), before);
});

test("leases of an agent that was killed are removed", async () => {
  await takeLease(host.client, "pull", wait());
  await host.ctr("leases", "create", "--id", "somebody-elses");
  const stale = await listLeases(host.client, wait());
  assert.equal(stale.length, 1);
  await removeLeases(host.client, stale);
  assert.deepEqual((await host.contents()).leases, ["somebody-elses"]);
  await host.ctr("leases", "rm", "somebody-elses");
});
