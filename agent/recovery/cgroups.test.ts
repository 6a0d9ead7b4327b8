import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createCgroups } from "./cgroups.ts";

/** Folders that look as the kernel's do; unlike the kernel's, a folder with files in it cannot be removed. */
async function hierarchy(t: TestContext, folders: readonly string[]) {
  const root = await mkdtemp(join(tmpdir(), "esb-cgroups-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  for (const folder of folders) await mkdir(join(root, folder), { recursive: true });
  const killed: number[] = [];
  return { root, killed, cgroups: createCgroups({ root, namespace: "esb", kill: (pid) => killed.push(pid) }) };
}

test("S3: groups are found in the unified hierarchy and in those of version 1, a name once", async (t) => {
  const folders = ["esb/a-0", "cpu/esb/a-0", "memory/esb/b-0", "memory/other/c-0", "unified/esb"];
  const { cgroups } = await hierarchy(t, folders);
  assert.deepEqual((await cgroups.list()).sort(), ["a-0", "b-0"]);
});

test("S3: a worker's groups are removed everywhere, with what is inside them; no other's", async (t) => {
  const folders = ["esb/a-0/inner/most", "cpu/esb/a-0", "cpu/esb/a-01", "memory/esb/b-0"];
  const { cgroups, root } = await hierarchy(t, folders);
  await cgroups.remove("a-0");
  assert.deepEqual((await cgroups.list()).sort(), ["a-01", "b-0"]);
  assert.deepEqual(await readdir(join(root, "esb")), []);
  await cgroups.remove("a-0");
});

test("S3: what cannot be removed is an error", async (t) => {
  const { cgroups, root } = await hierarchy(t, ["esb/a-0"]);
  await writeFile(join(root, "esb/a-0/file"), "");
  await assert.rejects(cgroups.remove("a-0"), /ENOTEMPTY/);
});
