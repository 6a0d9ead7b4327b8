import assert from "node:assert/strict";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { print, startDriver, type TestDriver } from "./logger.fake.ts";

/** Drivers of a worker's function and of two of its extensions, on one log. */
async function threeDrivers(options: { readonly fileBytes?: number; readonly files: number }) {
  const stack = new AsyncDisposableStack();
  const first = stack.use(await startDriver(options));
  await print(first.stdout, "begun\n");
  while ((await readdir(first.folder)).length === 0) await first.ready;
  const { folder } = first;
  const others = [];
  for (const extension of [1, 2]) others.push(stack.use(await startDriver({ ...options, folder, extension })));
  const all: readonly TestDriver[] = [first, ...others];
  await Promise.all(all.map(({ ready }) => ready));
  return { all, first, folder, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("L3: what extensions print is in their worker's log, marked; nobody's lines are torn or lost where files end", async () => {
  await using t = await threeDrivers({ fileBytes: 16 * 1024, files: 100 });
  const printed = 2000;
  const flood = async ({ stdout }: TestDriver) => {
    for (let number = 0; number < printed; number += 1) await print(stdout, `line ${number}\n`);
  };
  await Promise.all(t.all.map(flood));
  for (const driver of t.all) assert.equal(await driver.end(), 0);
  const files = await t.first.files();
  assert.ok(files.length > 5 && files.every(({ size }) => size <= 16 * 1024));
  const lines = files.flatMap((file) => file.lines);
  for (const extension of [0, 1, 2]) {
    const own = lines.filter((line) => line.extension === extension).map(({ text }) => text.toString());
    assert.deepEqual(
      own.filter((text) => text !== "begun"),
      Array.from({ length: printed }, (_, number) => `line ${number}`),
    );
  }
});

test("L3 W9: files are limited in number whoever fills them, and a driver that was silent meanwhile goes on in the newest", async () => {
  await using t = await threeDrivers({ fileBytes: 16 * 1024, files: 2 });
  const [, talker, silent] = t.all;
  assert.ok(talker !== undefined && silent !== undefined);
  await print(silent.stderr, "early\n");
  for (let number = 0; number < 3000; number += 1) await print(talker.stdout, `line ${number}\n`);
  await talker.end();
  await print(silent.stderr, "late\n");
  await silent.end();
  const files = await t.first.files();
  assert.equal(files.length, 2);
  const last = files.at(-1)?.lines.at(-1);
  assert.deepEqual([last?.text.toString(), last?.extension, last?.stream], ["late", 2, "stderr"]);
});

test("L3 S3: an extension's last words bring no log back that has been removed with its worker", async () => {
  await using t = await threeDrivers({ fileBytes: 16 * 1024, files: 2 });
  const [, extension] = t.all;
  assert.ok(extension !== undefined);
  await print(extension.stdout, "hello\n");
  for (const name of await readdir(t.folder)) await rm(join(t.folder, name));
  for (let number = 0; number < 3000; number += 1) await print(extension.stdout, `line ${number}\n`);
  assert.equal(await extension.end(), 0);
  assert.deepEqual(await readdir(t.folder), []);
});
