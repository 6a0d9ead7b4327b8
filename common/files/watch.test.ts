import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { watchFile } from "./watch.ts";

async function setUp() {
  const dir = await mkdtemp(join(tmpdir(), "esb-file-"));
  const events = new EventTarget();
  return {
    dir,
    events,
    async [Symbol.asyncDispose]() {
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Waits until the file is announced and reads as expected. */
async function reads(file: { read(): Promise<string> }, events: EventTarget, expected: string): Promise<void> {
  for (;;) {
    const announced = once(events, "change", { signal: AbortSignal.timeout(60_000) });
    if ((await file.read().catch(() => undefined)) === expected) {
      announced.catch(() => undefined);
      return;
    }
    await announced;
  }
}

test("written in place, replaced by rename, absent for a moment, a link that is turned", async () => {
  await using setup = await setUp();
  const { dir, events } = setup;
  const path = join(dir, "functions.yml");
  await writeFile(path, "1");
  using file = watchFile(path, () => events.dispatchEvent(new Event("change")));
  await reads(file, events, "1");

  await writeFile(path, "2");
  await reads(file, events, "2");

  await writeFile(join(dir, "new"), "3");
  await rename(join(dir, "new"), path);
  await reads(file, events, "3");

  await unlink(path);
  await writeFile(path, "4");
  await reads(file, events, "4");

  await mkdir(join(dir, "elsewhere"));
  await writeFile(join(dir, "elsewhere", "f.yml"), "5");
  await symlink(join(dir, "elsewhere", "f.yml"), join(dir, "link"));
  await rename(join(dir, "link"), path);
  await reads(file, events, "5");
  await writeFile(join(dir, "elsewhere", "f.yml"), "6");
  await reads(file, events, "6");
});

test("watching a file in a folder that is not there yet does not fail", async () => {
  await using setup = await setUp();
  using file = watchFile(join(setup.dir, "none", "f.yml"), () => undefined);
  await assert.rejects(file.read(), /ENOENT/);
});
