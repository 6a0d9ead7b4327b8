import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../testing/fake-clock.ts";
import { MemoryFile, reopened } from "../testing/memory-file.ts";

test("G6 S4: a mark is there for the next life, until the worker has answered", () => {
  const file = new MemoryFile();
  const { journal } = reopened(file);
  journal.mark("a");
  journal.mark("b");
  journal.clear("a");
  const next = reopened(file).journal;
  assert.equal(next.isMarked("a"), false);
  assert.equal(next.isMarked("b"), true);
});

test("G6 S4: a mark of the life before stays through any number of lives, until its worker is gone", () => {
  const file = new MemoryFile();
  reopened(file).journal.mark("a");
  for (let life = 0; life < 3; life++) {
    const { journal } = reopened(file);
    assert.equal(journal.isMarked("a"), true);
    journal.mark(`other-${life}`);
  }
  reopened(file).journal.clear("a");
  assert.equal(reopened(file).journal.isMarked("a"), false);
});

test("G6: what stands is not written again, and what does not stand is not removed", () => {
  const file = new MemoryFile();
  const { journal } = reopened(file);
  journal.clear("a");
  journal.mark("a");
  assert.equal(file.writes, 1);
  journal.mark("a");
  assert.equal(file.writes, 1);
  journal.clear("a");
  journal.clear("a");
  assert.equal(file.writes, 2);
});

test("G6 S4: places are used again, and with more workers than places the file grows", () => {
  const file = new MemoryFile(2);
  const { journal } = reopened(file);
  for (let round = 0; round < 5; round++) {
    for (const id of ["a", "b"]) journal.mark(id);
    for (const id of ["a", "b"]) journal.clear(id);
  }
  const before = file.bytes.length;
  for (let worker = 0; worker < 600; worker++) journal.mark(`w${worker}`);
  assert.ok(file.bytes.length > before);
  const next = reopened(file).journal;
  for (let worker = 0; worker < 600; worker++) assert.ok(next.isMarked(`w${worker}`), `w${worker}`);
});

test("G6: a write that fails costs the invocation nothing; it is told, and the next one is tried again", () => {
  const file = new MemoryFile();
  const { journal, troubles } = reopened(file);
  file.failing = true;
  journal.mark("a");
  journal.clear("a");
  assert.equal(troubles.length, 1);
  file.failing = false;
  for (let worker = 0; worker < 4; worker++) journal.mark(`w${worker}`);
  const next = reopened(file).journal;
  for (let worker = 0; worker < 4; worker++) assert.ok(next.isMarked(`w${worker}`));
});

test("G6 S4: a mark that could not be removed is removed when the worker has answered again", () => {
  const file = new MemoryFile();
  const { journal, troubles } = reopened(file);
  journal.mark("a");
  file.failing = true;
  journal.clear("a");
  file.failing = false;
  journal.mark("a");
  assert.equal(reopened(file).journal.isMarked("a"), true);
  journal.clear("a");
  assert.equal(reopened(file).journal.isMarked("a"), false);
  assert.equal(troubles.length, 1);
});

test("G6: an instance that no record can hold is told as trouble", () => {
  const { journal, troubles } = reopened(new MemoryFile());
  journal.mark("not an instance");
  assert.ok(troubles[0] instanceof RangeError);
});

test("S4: after its end nothing is written any more", () => {
  const file = new MemoryFile();
  const { journal } = reopened(file);
  journal.mark("a");
  journal[Symbol.dispose]();
  journal.clear("a");
  journal.mark("b");
  const next = reopened(file).journal;
  assert.deepEqual([next.isMarked("a"), next.isMarked("b")], [true, false]);
});

test("S4: a mark of a worker that the agent does not tell of is dropped after a day, no other", async () => {
  const file = new MemoryFile();
  const before = reopened(file).journal;
  before.mark("gone");
  before.mark("there");
  const clock = new FakeClock();
  const { journal } = reopened(file, clock);
  assert.equal(journal.isMarked("there"), true);
  journal.mark("new");
  await clock.advance(23 * 60 * 60_000);
  assert.equal(reopened(file).journal.isMarked("gone"), true);
  await clock.advance(60 * 60_000);
  const next = reopened(file).journal;
  assert.deepEqual(
    ["gone", "there", "new"].map((id) => next.isMarked(id)),
    [false, true, true],
  );
});
