import assert from "node:assert/strict";
import { test } from "node:test";
import { LogQueue } from "./queue.ts";

test("O1: in a flood one batch at a time is compressed, and what is dropped before its turn never is", async () => {
  const started: { readonly text: string; readonly finish: (body: Buffer) => void }[] = [];
  const queue = new LogQueue({
    mostBytes: 40,
    batchBytes: 10,
    onDropped: () => undefined,
    compress: (text) => new Promise((finish) => started.push({ text: text.toString(), finish })),
  });
  for (let count = 0; count < 100; count++) queue.add(`line ${String(count).padStart(4)}\n`);
  assert.deepEqual(
    started.map(({ text }) => text),
    ["line    0\n"],
  );
  assert.equal(queue.bytes, 40);
  started[0]?.finish(Buffer.from("z"));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(queue.bytes, 40, "what was dropped meanwhile counts no more");
  assert.equal(started[1]?.text, "line   96\n", "the oldest of those that are left");
  started[1]?.finish(Buffer.from("z"));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(queue.bytes, 31);
  assert.equal((await queue.first()?.body)?.toString(), "z");
});
