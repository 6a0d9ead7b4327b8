import assert from "node:assert/strict";
import { test } from "node:test";
import { inChunks } from "./chunks.ts";

const table: [pieces: string[], size: number, chunks: string[]][] = [
  [[], 4, []],
  [["", ""], 4, []],
  [["abc"], 4, ["abc"]],
  [["abcd"], 4, ["abcd"]],
  [["ab", "c", "", "def"], 4, ["abcd", "ef"]],
  [["abcdefghij"], 4, ["abcd", "efgh", "ij"]],
];

for (const [pieces, size, chunks] of table) {
  test(`${JSON.stringify(pieces)} in chunks of ${size}`, async () => {
    async function* source() {
      for (const piece of pieces) yield Buffer.from(piece);
    }
    const seen: string[] = [];
    for await (const chunk of inChunks(source(), size)) seen.push(chunk.toString());
    assert.deepEqual(seen, chunks);
  });
}
