import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeStaleBundle } from "./stale-bundle.ts";

/** A folder of tasks with these files in it; names that end in / are folders. */
async function tasksWith(...paths: string[]): Promise<{ dir: string; refusal: string } & AsyncDisposable> {
  const dir = await mkdtemp(join(tmpdir(), "esb-bundle-"));
  for (const path of paths) {
    await mkdir(join(dir, path.endsWith("/") ? path : join(path, "..")), { recursive: true });
    if (!path.endsWith("/")) await writeFile(join(dir, path), "{}");
  }
  const refusal = `failed to start shim: mkdir ${dir}/a-0: file exists: unknown`;
  return { dir, refusal, [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) };
}

test("a task's folder that containerd could not remove is removed, with the one of an earlier try", async () => {
  await using tasks = await tasksWith("a-0/config.json", "a-0/rootfs/", ".a-0/config.json", ".a-0/rootfs/", "b-0/x");
  await symlink("/nowhere", join(tasks.dir, "a-0/work"));
  assert.equal(await removeStaleBundle(tasks.refusal, "a-0"), true);
  assert.deepEqual(await readdir(tasks.dir), ["b-0"]);
});

test("a folder with something mounted in it, or whose shim answers, is left as it is", async () => {
  await using mounted = await tasksWith("a-0/rootfs/bin/sh");
  assert.equal(await removeStaleBundle(mounted.refusal, "a-0"), false);
  assert.deepEqual(await readdir(join(mounted.dir, "a-0")), ["rootfs"]);

  // As containerd 1.6 keeps the address, and as 2.x does.
  for (const [name, textOf] of [
    ["address", (address: string) => address],
    ["bootstrap.json", (address: string) => JSON.stringify({ version: 2, address, protocol: "ttrpc" })],
  ] as const) {
    await using tasks = await tasksWith("a-0/config.json");
    const path = join(tasks.dir, "shim.sock");
    await writeFile(join(tasks.dir, "a-0", name), textOf(`unix://${path}`));
    const shim = createServer((socket) => socket.destroy()).listen(path);
    await once(shim, "listening");
    assert.equal(await removeStaleBundle(tasks.refusal, "a-0"), false, name);
    shim.close();
    await once(shim, "close");
    assert.equal(await removeStaleBundle(tasks.refusal, "a-0"), true, name);
  }
});

test("a folder of which it cannot be read whether it has a shim is left as it is", async () => {
  await using tasks = await tasksWith("a-0/config.json", "a-0/address/");
  assert.equal(await removeStaleBundle(tasks.refusal, "a-0"), false);
  assert.deepEqual((await readdir(join(tasks.dir, "a-0"))).sort(), ["address", "config.json"]);
});

test("words that name no folder, another's or one out of sight are nothing to act on", async () => {
  await using tasks = await tasksWith("b-0/config.json");
  const words = ["ttrpc: closed", `mkdir ${tasks.dir}/b-0: file exists`, "mkdir /nowhere/a-0: file exists"];
  for (const each of words) assert.equal(await removeStaleBundle(each, "a-0"), false, each);
  assert.deepEqual(await readdir(tasks.dir), ["b-0"]);
});
