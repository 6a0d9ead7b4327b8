import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLines } from "./lines.ts";

const shown = (log: string) =>
  parseLines(Buffer.from(log)).lines.map(({ timeNs, stream, text, partial }) => [
    timeNs,
    stream,
    text.toString(),
    partial,
  ]);

test("W9: a record becomes a line with its time in nanoseconds, its stream and whether it goes on", () => {
  const log =
    "2026-11-22T01:02:03.456789012Z stdout F hello world\n" +
    "2026-11-22T01:02:03.456789013Z stderr P \n" +
    "1970-01-01T00:00:00.000000000Z stdout F  two  spaces \n";
  assert.deepEqual(shown(log), [
    [1_795_309_323_456_789_012n, "stdout", "hello world", false],
    [1_795_309_323_456_789_013n, "stderr", "", true],
    [0n, "stdout", " two  spaces ", false],
  ]);
});

test("L3: a line of an extension has its number", () => {
  const log = ["F", "P:x1", "F:x10", "F:x0"].map((tag) => `2026-11-22T01:02:03.456789012Z stderr ${tag} :x2 text\n`);
  const { lines } = parseLines(Buffer.from(log.join("")));
  assert.deepEqual(
    lines.map(({ extension, partial, text }) => [extension, partial, text.toString()]),
    [
      [0, false, ":x2 text"],
      [1, true, ":x2 text"],
      [10, false, ":x2 text"],
    ],
  );
});

test("W9: bytes that are no UTF-8 stay as they are", () => {
  const bytes = Buffer.from([0xff, 0x00, 0xc3, 0x0d]);
  const record = Buffer.concat([Buffer.from("2026-11-22T01:02:03.000000000Z stdout F "), bytes, Buffer.from("\n")]);
  const [line] = parseLines(record).lines;
  assert.deepEqual([...(line?.text ?? [])], [...bytes]);
});

test("W9: of a piece, the lines that end in it are told, and how far they go", () => {
  const record = "2026-11-22T01:02:03.000000000Z stdout F line\n";
  const log = record.repeat(3);
  for (let length = 0; length <= log.length; length += 1) {
    const whole = Math.floor(length / record.length);
    const { lines, bytes } = parseLines(Buffer.from(log.slice(0, length)));
    assert.deepEqual([lines.length, bytes], [whole, whole * record.length]);
  }
});

test("W9: what is no record is left out", () => {
  const good = "2026-11-22T01:02:03.000000000Z stdout F good\n";
  const month = good.replace("-11-", "-13-");
  for (const bad of ["\n", "nonsense\n", month, good.replace(" F ", " X "), good.replace("stdout", "stdin"), "F\n"]) {
    const { lines, bytes } = parseLines(Buffer.from(bad + good));
    assert.deepEqual([lines.length, bytes], [1, bad.length + good.length], bad);
  }
});
