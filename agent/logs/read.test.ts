import assert from "node:assert/strict";
import { appendFile, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { LogLine } from "./lines.ts";
import { owner } from "./logger.fake.ts";
import { logFileName } from "./names.ts";
import { type LogRequest, readLog } from "./read.ts";

const all: LogRequest = { follow: false, tailLines: undefined, sinceNs: 0n };
const following: LogRequest = { ...all, follow: true };
const never = new AbortController().signal;

/** The record of a line that is its second since 1970. */
const record = (second: number) =>
  `1970-01-01T00:00:${String(second).padStart(2, "0")}.000000000Z stdout F ${second}\n`;
const records = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => record(first + index)).join("");
const texts = (batches: LogLine[][]) => batches.flat().map(({ text }) => text.toString());
const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => String(first + index));

interface TestLog extends AsyncDisposable {
  readonly folder: string;
  path(number: number): string;
  /** Reads to the end. Each time that there is nothing to read, the next step is taken; after the last, it aborts. */
  read(request: LogRequest, steps?: readonly (() => Promise<unknown>)[]): Promise<string[]>;
  /** Makes the worker be gone, with its files. */
  destroy(): Promise<void>;
}

async function testLog(files: Readonly<Record<number, string>>): Promise<TestLog> {
  const folder = await mkdtemp(join(tmpdir(), "esb-read-"));
  const path = (number: number) => join(folder, logFileName({ ...owner, number }));
  const numbers = new Set<number>();
  let isThere = true;
  for (const [number, text] of Object.entries(files)) await writeFile(path(Number(number)), text);
  return {
    folder,
    path: (number) => {
      numbers.add(number);
      return path(number);
    },
    async read(request, steps = []) {
      const left = [...steps];
      const leaving = new AbortController();
      const pause = async () => {
        const step = left.shift();
        if (step === undefined) leaving.abort();
        await step?.();
      };
      const batches: LogLine[][] = [];
      for await (const batch of readLog(folder, owner, request, () => isThere, leaving.signal, pause)) {
        batches.push(batch);
      }
      assert.deepEqual(left, [], "all steps were taken");
      return texts(batches);
    },
    async destroy() {
      isThere = false;
      for (const number of [...Object.keys(files).map(Number), ...numbers]) await rm(path(number), { force: true });
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}

test("W9: all files of one instance are read, oldest first, and nobody else's", async () => {
  await using log = await testLog({ 9: records(1, 3), 10: records(4, 5), 11: records(6, 6) });
  for (const other of ["hello-0.instance-2.1.log", "hello-0.instance-1.log", "other-0.instance-1.10.log"]) {
    await writeFile(join(log.folder, other), record(59));
  }
  assert.deepEqual(await log.read(all), range(1, 6));
});

test("W9: without a log there are no lines", async () => {
  await using log = await testLog({});
  assert.deepEqual(await log.read(all), []);
  assert.deepEqual(await log.read({ ...all, tailLines: 5 }), []);
});

for (const [what, request, expected] of [
  ["the last line", { tailLines: 1 }, range(7, 7)],
  ["as many as are in the last file", { tailLines: 2 }, range(6, 7)],
  ["one more than are in the last file", { tailLines: 3 }, range(5, 7)],
  ["across an empty file", { tailLines: 5 }, range(3, 7)],
  ["all", { tailLines: 7 }, range(1, 7)],
  ["more than there are", { tailLines: 4_294_967_295 }, range(1, 7)],
  ["none", { tailLines: 0 }, []],
  ["from a moment on", { sinceNs: 5_000_000_000n }, range(5, 7)],
  ["just behind a moment", { sinceNs: 5_000_000_001n }, range(6, 7)],
  ["both, the moment says less", { tailLines: 3, sinceNs: 7_000_000_000n }, range(7, 7)],
  ["both, the number says less", { tailLines: 1, sinceNs: 2_000_000_000n }, range(7, 7)],
] satisfies [string, Partial<LogRequest>, string[]][]) {
  test(`W9: part of a log: ${what}`, async () => {
    await using log = await testLog({ 1: records(1, 3), 2: records(4, 5), 3: "", 4: records(6, 7) });
    assert.deepEqual(await log.read({ ...all, ...request }), expected);
  });
}

test("W9: the last lines are found in a log of many blocks, too", async () => {
  const count = 20_000;
  await using log = await testLog({ 1: Array.from({ length: count }, () => record(1)).join(""), 2: records(2, 3) });
  for (const tailLines of [1, 1000, 2500, 19_999, 20_001, 20_002]) {
    assert.equal((await log.read({ ...all, tailLines })).length, tailLines);
  }
});

test("W9: following goes on in the next file, and neither loses nor doubles a line, however they are written", async () => {
  await using log = await testLog({ 1: records(1, 2) });
  const half = record(3).slice(0, 30);
  const lines = await log.read(following, [
    () => appendFile(log.path(1), half),
    () => appendFile(log.path(1), record(3).slice(30)),
    async () => {
      await appendFile(log.path(1), record(4));
      await writeFile(log.path(2), record(5));
    },
    () => writeFile(log.path(3), ""),
    async () => {
      await appendFile(log.path(3), records(6, 7));
      await rm(log.path(1));
    },
    async () => {
      await appendFile(log.path(3), record(8));
      await log.destroy();
    },
  ]);
  assert.deepEqual(lines, range(1, 8));
});

test("W9: following begins before the first line, and ends when the worker goes without one", async () => {
  await using log = await testLog({});
  const begun = await log.read(following, [async () => {}, () => writeFile(log.path(1), records(1, 2)), log.destroy]);
  assert.deepEqual(begun, range(1, 2));
  await using silent = await testLog({});
  assert.deepEqual(await silent.read(following, [async () => {}, silent.destroy]), []);
});

test("W9: following the last lines goes on behind them", async () => {
  await using log = await testLog({ 1: records(1, 5) });
  const step = () => appendFile(log.path(1), records(6, 7));
  assert.deepEqual(await log.read({ ...following, tailLines: 1 }, [step]), range(5, 7));
});

test("W9: a caller who leaves is let go", async () => {
  await using log = await testLog({ 1: records(1, 2) });
  // No steps: the first pause aborts.
  assert.deepEqual(await log.read(following), range(1, 2));
  for await (const _ of readLog(log.folder, owner, following, () => true, AbortSignal.abort())) assert.fail();
});

test("W9: a reader who is slower than the rotation is told that lines are missing", async () => {
  await using log = await testLog({ 1: records(1, 2), 2: records(3, 4) });
  const lines: string[] = [];
  for await (const batch of readLog(log.folder, owner, following, () => true, never)) {
    lines.push(...texts([batch]));
    if (lines.at(-1) === "2") {
      await writeFile(log.path(3), records(5, 6));
      await writeFile(log.path(4), records(7, 8));
      for (const number of [1, 2, 3]) await rm(log.path(number));
    }
    if (lines.at(-1) === "8") break;
  }
  assert.equal(lines.splice(2, 1).join(), "[esb: lines that came here were removed before they could be read]");
  assert.deepEqual(lines, [...range(1, 2), ...range(7, 8)]);
});

test("W9: without following, what is printed meanwhile doesn't hold up the end", async () => {
  await using log = await testLog({ 1: records(1, 2), 2: records(3, 4) });
  const lines: string[] = [];
  for await (const batch of readLog(log.folder, owner, all, () => true, never)) {
    lines.push(...texts([batch]));
    await appendFile(log.path(2), record(5));
    await writeFile(log.path(3), record(6));
  }
  assert.deepEqual(lines, range(1, 4));
});

test("W9: a record that the driver took back is read as what stands there now", async () => {
  await using log = await testLog({ 1: record(1) + record(2).slice(0, 20) });
  const lines = await log.read(following, [
    () => truncate(log.path(1), record(1).length),
    () => appendFile(log.path(1), record(3)),
  ]);
  assert.deepEqual(lines, ["1", "3"]);
});

test("W9: lines come in batches of bounded size, each read only when it is asked for", async () => {
  const line = `1970-01-01T00:00:01.000000000Z stdout P ${"x".repeat(16_000)}\n`;
  await using log = await testLog({ 1: line.repeat(1000) });
  const reading = readLog(log.folder, owner, all, () => true, never);
  const first = await reading.next();
  assert.ok(first.value && first.value.length <= 4);
  // What was not read yet is gone with the file: it is nowhere in memory.
  await truncate(log.path(1), 0);
  assert.equal((await reading.next()).done, true);
});
