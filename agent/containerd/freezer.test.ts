import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { createFreezer } from "./freezer.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "esb-freezer-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function file(...path: string[]): Promise<string> {
  const full = join(root, ...path);
  await mkdir(join(full, ".."), { recursive: true });
  return full;
}

test("W7: on cgroup v1 a worker is frozen from FREEZING on, and told by its state", async () => {
  const state = await file("freezer", "esb", "a-0", "freezer.state");
  const freezer = createFreezer(root, "esb");
  for (const [text, frozen] of [
    ["THAWED\n", false],
    ["FREEZING\n", true],
    ["FROZEN\n", true],
  ] as const) {
    await writeFile(state, text);
    assert.equal(await freezer.isFrozen("a-0"), frozen);
  }
  await freezer.thaw("a-0");
  assert.match(await readFile(state, "utf8"), /^THAWED/);
  await freezer.freeze("a-0");
  assert.match(await readFile(state, "utf8"), /^FROZEN/);
});

test("W7: on cgroup v2 a worker is frozen when its events say so, and told by cgroup.freeze", async () => {
  const events = await file("esb", "a-0", "cgroup.events");
  const freeze = await file("esb", "a-0", "cgroup.freeze");
  await writeFile(freeze, "0");
  const freezer = createFreezer(root, "esb");
  for (const frozen of [true, false]) {
    await writeFile(events, `populated 1\nfrozen ${Number(frozen)}\n`);
    assert.equal(await freezer.isFrozen("a-0"), frozen);
  }
  await freezer.freeze("a-0");
  assert.equal(await readFile(freeze, "utf8"), "1");
  await freezer.thaw("a-0");
  assert.equal(await readFile(freeze, "utf8"), "0");
});

test("W7: where the kernel shows nothing of a worker, nothing is known, and nothing is made", async () => {
  const freezer = createFreezer(root, "esb");
  assert.equal(await freezer.isFrozen("a-0"), undefined);
  await mkdir(join(root, "esb", "a-0"), { recursive: true });
  await assert.rejects(freezer.thaw("a-0"), { code: "ENOENT" });
});
