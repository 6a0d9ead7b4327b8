import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PeakMemory } from "./peak-memory.ts";

async function peaks() {
  const root = await mkdtemp(join(tmpdir(), "esb-peak-"));
  const folder = join(root, "esb", "hello-0");
  await mkdir(folder, { recursive: true });
  const subject = new PeakMemory(root, "esb");
  return {
    subject,
    of: (memoryUsageBytes: bigint, memoryPeakBytes = 0n) =>
      subject.of("hello-0", { memoryUsageBytes, memoryPeakBytes }),
    file: join(folder, "memory.peak"),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

test("L1: cgroup v1 tells a worker's highest use of memory with the rest", async () => {
  await using t = await peaks();
  assert.equal(await t.of(5n, 9n), 9n);
});

test("L1: cgroup v2 has it in a file, where the kernel has one", async () => {
  await using t = await peaks();
  await writeFile(t.file, "12288\n");
  assert.equal(await t.of(5n), 12_288n);
  assert.equal(await t.of(20_000n), 20_000n, "read a moment before");
});

test("L1: where nobody tells, it is the most that has been seen of this worker", async () => {
  await using t = await peaks();
  assert.deepEqual([await t.of(5n), await t.of(9n), await t.of(3n)], [5n, 9n, 9n]);
  t.subject.forget("hello-0");
  assert.equal(await t.of(3n), 3n, "of the next one of its id");
});
