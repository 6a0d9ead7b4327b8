import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { pack } from "tar-stream";
import { readLayerFiles } from "./layer-files.ts";

const never = new AbortController().signal;

type Files = Record<string, string>;

async function read(layers: Files[], paths = ["etc/passwd", "etc/group"]) {
  let opened = 0;
  const sources = layers.map((files) => () => {
    opened++;
    const tar = pack();
    for (const [name, content] of Object.entries(files)) tar.entry({ name }, content);
    tar.finalize();
    return Readable.from(tar);
  });
  return { files: Object.fromEntries(await readLayerFiles(sources, paths, never)), opened };
}

const table: [what: string, layers: Files[], passwd: string, group: string, opened: number][] = [
  ["one layer", [{ "etc/passwd": "p", "etc/group": "g" }], "p", "g", 1],
  ["other ways to write a path", [{ "./etc/passwd": "p", "/etc/group": "g" }], "p", "g", 1],
  ["the topmost counts", [{ "etc/passwd": "new" }, { "etc/passwd": "old", "etc/group": "g" }], "new", "g", 2],
  ["what is found needs no lower layer", [{ "etc/passwd": "p", "etc/group": "g" }, {}], "p", "g", 1],
  ["a whiteout", [{ "etc/.wh.passwd": "" }, { "etc/passwd": "p", "etc/group": "g" }], "", "g", 2],
  ["a whiteout of the folder", [{ ".wh.etc": "" }, { "etc/passwd": "p", "etc/group": "g" }], "", "", 1],
  [
    "an opaque folder with a file of its own",
    [{ "etc/.wh..wh..opq": "", "etc/group": "g" }, { "etc/passwd": "p" }],
    "",
    "g",
    1,
  ],
  ["nothing at all", [{ "bin/sh": "x" }], "", "", 1],
];

for (const [what, layers, passwd, group, opened] of table) {
  test(what, async () => {
    assert.deepEqual(await read(layers), { files: { "etc/passwd": passwd, "etc/group": group }, opened });
  });
}

test("a broken layer is an error", async () => {
  const layers = [() => Readable.from([Buffer.alloc(700, 1)])];
  await assert.rejects(readLayerFiles(layers, ["etc/passwd"], never));
});
