import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { assertPrompt } from "../../test/support/slowness.ts";
import { record } from "../workers/records.fake.ts";
import { rowsIn, testStore } from "./store.fake.ts";

const trouble = (kind: string) =>
  `error ${kind} the workers' database cannot be used: workers go on without it, what is to be kept waits in memory`;
const over = "info the workers' database works again";

test("S2: while another process holds a lock nothing fails, it is logged once, and made up for later", (t) => {
  const { open, pass, path, logged } = testStore(t);
  const store = open();
  store.save(record({ workerId: "a-0" }));
  pass(20);
  const other = new DatabaseSync(path);
  other.exec("BEGIN EXCLUSIVE");
  const begun = performance.now();
  for (let change = 0; change < 50; change += 1) {
    store.save(record({ lastAccessMs: change }));
    pass(100);
  }
  store.remove("a-0");
  // Nobody waits for the lock, as is done at the start.
  assertPrompt(performance.now() - begun, 400);
  assert.deepEqual(logged, [trouble("locked")]);
  assert.equal(store.get("hello-0")?.lastAccessMs, 49);

  other.exec("ROLLBACK");
  other.close();
  pass(60_000);
  assert.deepEqual(logged, [trouble("locked"), over]);
  assert.deepEqual(rowsIn(path), ["hello-0 ACTIVE hello-0"]);
});

test("S2: the pauses between the tries grow, up to a minute", (t) => {
  const { open, pass, path, logged } = testStore(t);
  mkdirSync(path);
  const store = open();
  store.save(record());
  for (const seconds of [1, 2, 4, 8, 16, 32]) pass(1000 * seconds);
  rmSync(path, { recursive: true });
  pass(59_999);
  assert.deepEqual(logged, [trouble("not-usable")]);
  pass(1);
  assert.deepEqual(logged, [trouble("not-usable"), over]);
  assert.deepEqual(rowsIn(path), ["hello-0 ACTIVE hello-0"]);
});

test("S2: a state folder that cannot be made is an outage too, and another trouble is told anew", (t) => {
  const { open, pass, path, logged } = testStore(t, "state");
  const blocked = dirname(path);
  writeFileSync(blocked, "");
  const store = open();
  store.save(record());
  assert.equal(store.getContainerId("hello-0"), "hello-0");
  rmSync(blocked);
  mkdirSync(blocked);
  const other = new DatabaseSync(path);
  other.exec("PRAGMA journal_mode = WAL; BEGIN EXCLUSIVE");
  pass(1000);
  other.close();
  pass(2000);
  assert.deepEqual(logged, [trouble("not-usable"), trouble("locked"), over]);
  assert.deepEqual(rowsIn(path), ["hello-0 ACTIVE hello-0"]);
});

test("S2: what may not be written still tells what it knows at the start", (t) => {
  const { open, pass, path, logged } = testStore(t);
  {
    using store = open();
    store.save(record());
  }
  using other = new DatabaseSync(path);
  other.exec("BEGIN EXCLUSIVE");
  const store = open();
  assert.deepEqual([store.get("hello-0"), logged], [record(), []]);
  store.save(record());
  pass(20);
  assert.deepEqual(logged, [trouble("locked")]);
});

test("S2: a database that opens late adds what only it knows, and is told what became of the rest", (t) => {
  const { open, pass, path } = testStore(t);
  {
    using store = open();
    for (const workerId of ["gone-0", "kept-0", "used-0"]) store.save(record({ workerId }));
  }
  const other = new DatabaseSync(path);
  // Not even to be read.
  other.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  const store = open();
  for (const workerId of ["gone-0", "used-0"]) store.save(record({ workerId, state: "IDLE" }));
  store.remove("gone-0");
  other.close();
  pass(1000);
  assert.deepEqual(rowsIn(path), ["kept-0 ACTIVE hello-0", "used-0 IDLE hello-0"]);
  assert.equal(store.get("kept-0")?.state, "ACTIVE");
});
