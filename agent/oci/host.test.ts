import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { detectHostLimits } from "./host.ts";

const limitsFile = (hard: string) => `Limit                     Soft Limit           Hard Limit           Units
Max processes             96365                96365                processes
Max open files            1024                 ${hard.padEnd(20)} files
`;

/** A folder that looks like the root of a host with these files; an entry without text is a folder. */
async function fakeRoot(files: Record<string, string | undefined>): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), "esb-host-"));
  for (const [name, text] of Object.entries({ "proc/self/limits": limitsFile("4096"), ...files })) {
    await mkdir(text === undefined ? join(path, name) : dirname(join(path, name)), { recursive: true });
    if (text !== undefined) await writeFile(join(path, name), text);
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

test("cgroup v2: the controllers of the root, swap when the kernel has it", async () => {
  await using root = await fakeRoot({
    "sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory hugetlb pids\n",
    "proc/swaps": "Filename Type Size Used Priority\n",
    "proc/self/oom_score_adj": "-900\n",
  });
  assert.deepEqual(await detectHostLimits(root.path, "arm64"), {
    cgroupVersion: 2,
    controllers: new Set(["cpuset", "cpu", "io", "memory", "hugetlb", "pids"]),
    swapLimit: true,
    rlimitNofileHard: 4096,
    oomScoreAdj: -900,
    architecture: "arm64",
  });
});

test("cgroup v2 without controllers", async () => {
  await using root = await fakeRoot({ "sys/fs/cgroup/cgroup.controllers": "\n" });
  const limits = await detectHostLimits(root.path, "x64");
  assert.deepEqual([limits.cgroupVersion, limits.controllers.size, limits.swapLimit], [2, 0, false]);
});

test("cgroup v1 beside an unused unified hierarchy: the hierarchies that are mounted", async () => {
  await using root = await fakeRoot({
    "sys/fs/cgroup/cpu,cpuacct": undefined,
    "sys/fs/cgroup/memory/memory.memsw.limit_in_bytes": "9223372036854771712\n",
    "sys/fs/cgroup/pids": undefined,
    "sys/fs/cgroup/systemd": undefined,
    "sys/fs/cgroup/unified/cgroup.controllers": "hugetlb\n",
  });
  const limits = await detectHostLimits(root.path, "x64");
  assert.equal(limits.cgroupVersion, 1);
  assert.deepEqual(limits.controllers, new Set(["cpu", "cpuacct", "memory", "pids"]));
  assert.equal(limits.swapLimit, true);
});

test("cgroup v1 without swap accounting", async () => {
  await using root = await fakeRoot({ "sys/fs/cgroup/memory": undefined });
  assert.equal((await detectHostLimits(root.path, "x64")).swapLimit, false);
});

test("unlimited file descriptors", async () => {
  await using root = await fakeRoot({
    "sys/fs/cgroup/memory": undefined,
    "proc/self/limits": limitsFile("unlimited"),
  });
  assert.equal((await detectHostLimits(root.path, "x64")).rlimitNofileHard, Number.MAX_SAFE_INTEGER);
});
