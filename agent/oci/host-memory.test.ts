import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { detectHostMemoryBytes } from "./host-memory.ts";

async function hostWith(files: Record<string, string>): Promise<{ root: string } & AsyncDisposable> {
  const root = await mkdtemp(join(tmpdir(), "esb-host-"));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true }) };
}

const meminfo = "MemTotal:        1024000 kB\nMemFree:           10000 kB\n";
const all = 1024000 * 1024;
const unlimited = "9223372036854771712\n";

const table: [what: string, files: Record<string, string>, bytes: number][] = [
  ["a host without cgroups", {}, all],
  [
    "cgroup v1 without a limit",
    { "proc/self/cgroup": "4:memory:/\n0::/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": unlimited },
    all,
  ],
  [
    "cgroup v1, a limit above our own",
    {
      "proc/self/cgroup": "11:cpuset:/\n4:cpu,memory:/pod/agent\n",
      "sys/fs/cgroup/memory/pod/agent/memory.limit_in_bytes": unlimited,
      "sys/fs/cgroup/memory/pod/memory.limit_in_bytes": "1000000\n",
    },
    1_000_000,
  ],
  [
    "cgroup v1 in a container, which sees its own cgroup as the root",
    { "proc/self/cgroup": "4:memory:/docker/abc\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "2000000\n" },
    2_000_000,
  ],
  [
    "cgroup v2",
    {
      "proc/self/cgroup": "0::/system.slice/esb.service\n",
      "sys/fs/cgroup/system.slice/esb.service/memory.max": "max\n",
      "sys/fs/cgroup/system.slice/memory.max": "3000000\n",
    },
    3_000_000,
  ],
  [
    "cgroup v2, a limit beyond the host's memory",
    { "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "9000000000000\n" },
    all,
  ],
];

for (const [what, files, bytes] of table) {
  test(`G6: the memory there is: ${what}`, async () => {
    await using host = await hostWith({ "proc/meminfo": meminfo, ...files });
    assert.equal(await detectHostMemoryBytes("limit", host.root), bytes);
    assert.equal(await detectHostMemoryBytes("machine", host.root), all, "G6 D1: a limit that is the agent's alone");
  });
}
