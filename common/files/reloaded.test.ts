import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigurationError } from "../environment.ts";
import { ReloadedFile } from "./reloaded.ts";

/** A file of names that must all be among the known ones. */
function setUp(text: string, ...names: string[]) {
  const known = new Set(names);
  const file = { text, reads: 0 };
  const errors: string[] = [];
  const parsing: Array<() => void> = [];
  const source = {
    async read() {
      file.reads++;
      return file.text;
    },
  };
  const list = new ReloadedFile<readonly string[]>(source, {
    path: "list",
    async parse(content) {
      const found = content.split(" ");
      const missing = found.find((name) => !known.has(name));
      for (const step of parsing.splice(0)) step();
      await Promise.resolve();
      if (missing !== undefined) throw new ConfigurationError(`list: there is no ${missing}`);
      return found;
    },
    onLoaded: () => undefined,
    onError: (message) => errors.push(message),
  });
  return { list, file, known, errors, parsing };
}

test("there is no value before the file is loaded", async () => {
  const { list } = setUp("a", "a");
  assert.throws(() => list.value, /list is not loaded yet/);
  await list.load();
  assert.deepEqual(list.value, ["a"]);
});

test("judged anew with the same text: what was refused is taken over once what it refers to is there", async () => {
  const { list, file, known, errors } = setUp("a", "a");
  await list.load();
  file.text = "a b";
  await list.refresh();
  assert.equal(list.error, "list: there is no b");
  known.add("b");
  await list.refresh();
  assert.equal(list.error, "list: there is no b");
  await list.reconsider();
  assert.equal(list.error, undefined);
  assert.deepEqual(list.value, ["a", "b"]);
  assert.equal(errors.length, 1);
});

test("judged anew with the same text: what no longer holds is told, the last good value stays", async () => {
  const { list, known, errors } = setUp("a b", "a", "b");
  await list.load();
  known.delete("b");
  await list.reconsider();
  assert.deepEqual(errors, ["list: there is no b"]);
  assert.deepEqual(list.value, ["a", "b"]);
});

test("what changes while the file is parsed is seen without a further change", async () => {
  const { list, file, known, parsing } = setUp("a", "a");
  await list.load();
  file.text = "a b";
  let again: Promise<void> | undefined;
  parsing.push(() => {
    known.add("b");
    again = list.reconsider();
  });
  await list.refresh();
  await again;
  assert.deepEqual(list.value, ["a", "b"]);
  assert.equal(list.error, undefined);
});

test("before the first load nothing is judged anew", async () => {
  const { list, file } = setUp("a", "a");
  await list.reconsider();
  assert.equal(file.reads, 0);
});
