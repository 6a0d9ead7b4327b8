import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createCgroups } from "./cgroups.ts";

/** Folders that look as the kernel's do; where a group is in use, these have a file in them. */
async function hierarchy(t: TestContext, folders: readonly string[]) {
  const root = await mkdtemp(join(tmpdir(), "esb-cgroups-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  for (const folder of folders) await mkdir(join(root, folder), { recursive: true });
  const kill = (pid: number) => assert.fail(`${pid} was killed`);
  return { root, cgroups: createCgroups({ root, namespace: "esb", kill }) };
}

const version1 = ["cpu/esb/a-0", "memory/esb/a-0/inner/most", "memory/esb/b-0", "memory/other/c-0", "unified/esb"];

test("S3: groups are found in every hierarchy of version 1, a name once", async (t) => {
  const { cgroups } = await hierarchy(t, version1);
  assert.deepEqual((await cgroups.list()).sort(), ["a-0", "b-0"]);
});

test("S3: in the unified hierarchy only the root's are ours: an esb inside somebody's container has its own below", async (t) => {
  const { cgroups, root } = await hierarchy(t, ["esb/a-0/inner", "nested/esb/a-0", "nested/esb/b-0"]);
  await writeFile(join(root, "cgroup.controllers"), "cpu memory pids\n");
  assert.deepEqual(await cgroups.list(), ["a-0"]);
  await cgroups.remove("a-0");
  assert.deepEqual(await readdir(join(root, "esb")), []);
  assert.deepEqual(await readdir(join(root, "nested/esb")), ["a-0", "b-0"]);
});

test("S3: a worker's groups are removed everywhere, with what is inside them; no other's", async (t) => {
  const { cgroups, root } = await hierarchy(t, [...version1, "cpu/esb/a-01"]);
  await cgroups.remove("a-0");
  assert.deepEqual((await cgroups.list()).sort(), ["a-01", "b-0"]);
  assert.deepEqual(await readdir(join(root, "memory/esb")), ["b-0"]);
  await cgroups.remove("a-0");
});

test("S3: what still runs in a group is killed, and then the group can go", async (t) => {
  const { root } = await hierarchy(t, ["cpu/esb/a-0"]);
  const processes = join(root, "cpu/esb/a-0/cgroup.procs");
  await writeFile(processes, "17\n18\n");
  const killed: number[] = [];
  const kill = (pid: number) => {
    killed.push(pid);
    if (pid === 18) rmSync(processes);
  };
  await createCgroups({ root, namespace: "esb", kill }).remove("a-0");
  assert.deepEqual(killed, [17, 18]);
  assert.deepEqual(await readdir(join(root, "cpu/esb")), []);
});
