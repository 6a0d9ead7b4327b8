import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { createLosses } from "./losses.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "esb-losses-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function open(folder: string, lost: readonly string[]) {
  const warnings: string[] = [];
  const losses = createLosses({
    folder,
    findLoss: async (id) => (lost.includes(id) ? { id, host: `host of ${id}` } : undefined),
    logger: { warn: (_, message) => warnings.push(message) },
  });
  return { losses, warnings };
}

test("S1: a name that goes is told when its attachment is lost by that, and not otherwise", async () => {
  for (const name of ["kept-00000001", "lost-00000002"]) await writeFile(join(dir, name), "");
  const { losses } = open(dir, ["lost-00000002"]);
  const ending = new AbortController();
  const following = losses.follow(ending.signal);
  const first = following.next();
  // The folder is watched once its followers are told of anything.
  const told = first.then(({ value }) => value);
  const remove = async () => {
    await rm(join(dir, "kept-00000001"), { force: true });
    await rm(join(dir, "lost-00000002"), { force: true });
    await writeFile(join(dir, "lost-00000002"), "");
  };
  const removing = setInterval(() => void remove(), 10);
  assert.deepEqual(await told, { id: "lost-00000002", host: "host of lost-00000002" });
  clearInterval(removing);
  ending.abort();
  await assert.rejects(async () => {
    while (!(await following.next()).done);
  });
});

test("what no event tells of is found by a look, and told to all who follow; without anybody it is no harm", async () => {
  const { losses } = open(dir, ["a-00000001"]);
  await losses.check(["a-00000001"]);
  const ending = new AbortController();
  const both = [losses.follow(ending.signal), losses.follow(ending.signal)];
  const told = Promise.all(both.map((one) => one.next()));
  let done = false;
  void told.then(() => {
    done = true;
  });
  while (!done) {
    await losses.check(["b-00000002", "a-00000001"]);
    await new Promise(setImmediate);
  }
  assert.deepEqual(
    (await told).map(({ value }) => value?.id),
    ["a-00000001", "a-00000001"],
  );
  ending.abort();
});
