import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigurationError } from "../../common/environment.ts";
import { parseFunctions } from "./parse.ts";
import { FunctionsStore } from "./store.ts";

function setUp(first: string) {
  const file: { text: string | Error; reads: number } = { text: first, reads: 0 };
  const loaded: string[][] = [];
  const errors: string[] = [];
  const source = {
    async read() {
      file.reads++;
      if (file.text instanceof Error) throw file.text;
      return file.text;
    },
  };
  const store = new FunctionsStore(source, {
    path: "f.yml",
    parse: (text) => parseFunctions(text, "f.yml", () => undefined),
    onLoaded: (functions) => loaded.push([...functions.keys()]),
    onError: (message) => errors.push(message),
  });
  return { file, store, loaded, errors };
}

const good = "functions: { a: { image: x } }";
const broken = "functions: { a: { image: x, memory: 1 } }";

test("a broken file stops the start with file, line and column", async () => {
  await assert.rejects(setUp(broken).store.load(), (error: unknown) => {
    return error instanceof ConfigurationError && error.message.startsWith("f.yml:1:37: functions.a.memory");
  });
});

test("a missing file stops the start", async () => {
  const { store, file } = setUp("");
  file.text = new Error("ENOENT: no such file");
  await assert.rejects(store.load(), /f\.yml: cannot be read: ENOENT/);
});

test("a change is taken over", async () => {
  const { store, file, loaded } = setUp(good);
  await store.load();
  file.text = "functions: { a: { image: x }, b: { image: y } }";
  await store.refresh();
  assert.deepEqual(loaded, [["a"], ["a", "b"]]);
  assert.equal(store.get("b")?.image, "y");
});

test("broken later: the last good one stays, the error is told once and gone when mended", async () => {
  const { store, file, errors, loaded } = setUp(good);
  await store.load();
  file.text = broken;
  await store.refresh();
  await store.refresh();
  assert.equal(store.get("a")?.memoryMib, 128);
  assert.equal(errors.length, 1);
  assert.match(store.error ?? "", /memory/);
  file.text = `${good}\n`;
  await store.refresh();
  assert.equal(store.error, undefined);
  assert.equal(loaded.length, 2);
});

test("absent for a moment: the last good one stays, and the same text afterwards mends it", async () => {
  const { store, file } = setUp(good);
  await store.load();
  file.text = new Error("ENOENT");
  await store.refresh();
  assert.match(store.error ?? "", /cannot be read/);
  assert.equal(store.get("a")?.image, "x");
  file.text = good;
  await store.refresh();
  assert.equal(store.error, undefined);
});

test("an unchanged file is not announced again; looks at the same time are one", async () => {
  const { store, file, loaded } = setUp(good);
  await Promise.all([store.load(), store.refresh(), store.refresh()]);
  assert.equal(file.reads, 1);
  await store.refresh();
  assert.equal(loaded.length, 1);
});
