import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { delay } from "../../common/delay.ts";
import type { LogLine } from "./lines.ts";
import { ownMemoryBytes, print, startDriver, type TestDriver } from "./logger.fake.ts";

const told = /^\[esb: (\d+) bytes dropped: (.*)\]$/;

async function linesOf(driver: TestDriver): Promise<LogLine[]> {
  return (await driver.files()).flatMap(({ lines }) => lines);
}

const textOf = ({ text }: LogLine) => text.toString();
/** Bytes of the worker's that a line stands for: its text, and its end where it has one. */
const bytesOf = (line: LogLine) => line.text.length + (line.partial ? 0 : 1);

test("W9: the worker may start at once; its lines are kept with their stream and the time of their coming", async () => {
  await using driver = await startDriver();
  await driver.ready;
  const begun = BigInt(Date.now()) * 1_000_000n;
  await print(driver.stdout, "one\ntwo");
  await print(driver.stderr, "trouble\n");
  await print(driver.stdout, " and a half\n\nno end");
  assert.equal(await driver.end(), 0);
  const lines = await linesOf(driver);
  const of = (wanted: string) => lines.filter(({ stream }) => stream === wanted).map(textOf);
  assert.deepEqual(of("stdout"), ["one", "two and a half", "", "no end"]);
  assert.deepEqual(of("stderr"), ["trouble"]);
  for (const { timeNs } of lines) assert.ok(timeNs >= begun && timeNs < begun + 60_000_000_000n);
  assert.ok(new Set(lines.map(({ timeNs }) => timeNs % 1_000_000n)).size > 1, "finer than a millisecond");
});

test("W9: a long line is kept in parts of at most 16 KiB, in files no larger than allowed", async () => {
  await using driver = await startDriver({ fileBytes: 16 * 1024, files: 10 });
  const long = Array.from({ length: 50_000 }, (_, index) => String.fromCharCode(97 + (index % 26))).join("");
  await print(driver.stdout, `${long}\nshort\n`);
  await driver.end();
  const files = await driver.files();
  assert.ok(files.every(({ size }) => size <= 16 * 1024));
  const lines = files.flatMap(({ lines }) => lines);
  assert.deepEqual(
    lines.map(({ partial }) => partial),
    [true, true, true, false, false],
  );
  assert.equal(lines.slice(0, 4).map(textOf).join(""), long);
  assert.equal(lines.slice(4).map(textOf).join(), "short");
});

test("W9: files are limited in size and number, the newest lines are kept, and none is missing in between", async () => {
  await using driver = await startDriver({ fileBytes: 16 * 1024, files: 3 });
  for (let number = 0; number < 5000; number += 1) await print(driver.stdout, `line ${number}\n`);
  await driver.end();
  const files = await driver.files();
  assert.equal(files.length, 3);
  assert.ok(files.every(({ size }) => size <= 16 * 1024));
  const numbers = files.flatMap(({ lines }) => lines).map((line) => Number(textOf(line).split(" ")[1]));
  const [first = 0] = numbers;
  assert.deepEqual(
    numbers,
    Array.from({ length: 5000 - first }, (_, index) => first + index),
  );
});

test("W9: of a flood a share is kept in whole lines, and every byte is kept or told as dropped", async () => {
  await using driver = await startDriver({ fileBytes: 1024 * 1024, files: 100 });
  let printed = 0;
  let number = 0;
  for (let count = 0; count < 150; count += 1) {
    const lines = Array.from({ length: 4000 }, () => `line ${number++}\n`).join("");
    await print(count % 3 === 0 ? driver.stderr : driver.stdout, lines);
    printed += lines.length;
  }
  await driver.end();
  const lines = await linesOf(driver);
  const notices = lines.filter((line) => told.test(textOf(line)));
  const own = lines.filter((line) => !told.test(textOf(line)));
  assert.ok(own.every((line) => /^line \d+$/.test(textOf(line)) && !line.partial));
  const dropped = notices.map((line) => Number(told.exec(textOf(line))?.[1])).reduce((sum, bytes) => sum + bytes, 0);
  assert.ok(dropped > printed / 2);
  assert.equal(own.map(bytesOf).reduce((sum, bytes) => sum + bytes, 0) + dropped, printed);
  assert.match(notices.map(textOf).join(), /the worker prints more than 1024 KiB\/s/);
});

test("W9: a line without end takes a bounded amount of memory", async () => {
  await using driver = await startDriver({ fileBytes: 64 * 1024 });
  const piece = Buffer.alloc(1024 * 1024, "x");
  for (let count = 0; count < 40; count += 1) {
    await print(driver.stdout, piece);
    assert.ok((await ownMemoryBytes(driver.pid)) < 8 * 1024 * 1024);
  }
  await driver.end();
});

test("W9: SIGTERM, with which the shim ends it, loses nothing of what is still in the pipes", async () => {
  await using driver = await startDriver();
  await driver.ready;
  driver.kill("SIGTERM");
  const text = "x".repeat(10_000);
  await print(driver.stdout, `${text}\n`);
  driver.kill("SIGTERM");
  await print(driver.stdout, "last");
  assert.equal(await driver.end(), 0);
  assert.deepEqual((await linesOf(driver)).map(textOf), [text, "last"]);
});

test("W9: while its log cannot be written it goes on reading, and says afterwards what is missing", async () => {
  const base = await mkdtemp(join(tmpdir(), "esb-logs-"));
  const folder = join(base, "comes-later");
  try {
    await using driver = await startDriver({ folder });
    await print(driver.stdout, `${"x".repeat(1_000_000)}\n`);
    await print(driver.stdout, "also lost\n");
    await mkdir(folder);
    for (let count = 0; (await linesOf(driver)).length < 2; count += 1) {
      await print(driver.stdout, `try ${count}\n`);
      await delay(20);
    }
    await driver.end();
    const [notice, next, ...rest] = (await linesOf(driver)).map(textOf);
    const [, bytes, reason] = told.exec(notice ?? "") ?? [];
    assert.equal(reason, "the log cannot be written: No such file or directory");
    const count = Number(/^try (\d+)$/.exec(next ?? "")?.[1]);
    const lost = Array.from({ length: count }, (_, index) => `try ${index}\n`.length).reduce(
      (sum, size) => sum + size,
      0,
    );
    assert.equal(Number(bytes), 1_000_001 + "also lost\n".length + lost);
    assert.deepEqual(
      rest,
      rest.map((_, index) => `try ${count + 1 + index}`),
    );
  } finally {
    await rm(base, { recursive: true, force: true });
  }
});
