import assert from "node:assert/strict";
import { test } from "node:test";
import { ExitNotices } from "./exits.ts";

const exit = { exitStatus: 1, outOfMemory: false };

test("an end reaches who waits for it, and who asks late", async () => {
  const exits = new ExitNotices();
  using early = exits.expect("a-0", 1);
  exits.announce("a-0", 1, exit);
  assert.deepEqual(await early.exit, exit);
  using late = exits.expect("a-0", 1);
  assert.deepEqual(await late.exit, exit);
});

test("another process or worker is not meant", async () => {
  const exits = new ExitNotices();
  using waiting = exits.expect("a-0", 1);
  exits.announce("a-0", 2, exit);
  exits.announce("b-0", 1, exit);
  assert.equal(await Promise.race([waiting.exit, Promise.resolve("nothing")]), "nothing");
});

test("whose end is waited for is known until it has come or nobody waits any more", () => {
  const exits = new ExitNotices();
  using _waiting = exits.expect("a-0", 1);
  {
    using _other = exits.expect("a-0", 2);
    assert.deepEqual([exits.expected("a-0"), exits.expected("a")], [[1, 2], []]);
  }
  assert.deepEqual(exits.expected("a-0"), [1]);
  exits.announce("a-0", 1, exit);
  assert.deepEqual(exits.expected("a-0"), []);
});

test("only so many ends are remembered", async () => {
  const exits = new ExitNotices();
  for (let pid = 0; pid <= 256; pid += 1) exits.announce("a-0", pid, exit);
  using forgotten = exits.expect("a-0", 0);
  using remembered = exits.expect("a-0", 1);
  assert.deepEqual(await remembered.exit, exit);
  assert.equal(await Promise.race([forgotten.exit, Promise.resolve("nothing")]), "nothing");
});
