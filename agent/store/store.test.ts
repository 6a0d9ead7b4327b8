import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { record } from "../workers/records.fake.ts";
import { rowsIn, startMs, testStore } from "./store.fake.ts";

test("S2: what is known of a worker outlives the agent", (t) => {
  const { open, pass } = testStore(t);
  const first = open();
  const idle = record({ workerId: "b-3", containerId: "b-3", slot: 3, state: "IDLE", network: undefined });
  first.save(record());
  first.save(idle);
  pass(20);
  // Without a goodbye, as when it is killed.
  const second = open();
  assert.deepEqual(second.all(), [idle, record()]);
  assert.deepEqual(second.get("hello-0"), record());
  assert.deepEqual([second.getContainerId("hello-0"), second.getContainerId("c-0")], ["hello-0", undefined]);
});

test("S2: no call waits for the disk: changes go there together, a moment later, in WAL mode", (t) => {
  const { open, pass, path } = testStore(t);
  const store = open();
  for (const slot of [1, 2, 3]) store.save(record({ workerId: `hello-${slot}`, slot }));
  assert.equal(store.getContainerId("hello-1"), "hello-0", "what was saved is known at once");
  assert.deepEqual(rowsIn(path), []);
  pass(19);
  assert.deepEqual(rowsIn(path), []);
  pass(1);
  assert.equal(rowsIn(path).length, 3);
  using database = new DatabaseSync(path);
  assert.equal(database.prepare("PRAGMA journal_mode").get()?.journal_mode, "wal");
});

test("S2: what is not written yet is written when the agent ends", (t) => {
  const { open, path } = testStore(t);
  {
    using store = open();
    store.save(record());
  }
  assert.deepEqual(rowsIn(path), ["hello-0 ACTIVE hello-0"]);
});

test("S2: a worker that is gone is in ERROR with the first reason and without container", (t) => {
  const { open, pass, path } = testStore(t);
  const store = open();
  store.save(record());
  store.fail("hello-0", "exited with status 137");
  store.fail("hello-0", "its container was found gone or not running");
  store.fail("unknown-0", "exited with status 1");
  pass(20);
  assert.equal(store.getContainerId("hello-0"), undefined);
  assert.deepEqual(rowsIn(path), ["hello-0 ERROR exited with status 137"]);
});

test("S2: it is ACTIVE again once it is made anew, and forgotten once it is destroyed", (t) => {
  const { open, pass, path } = testStore(t);
  const store = open();
  store.save(record());
  store.fail("hello-0", "exited with status 137");
  store.save(record({ instanceId: "instance-2" }));
  pass(20);
  assert.deepEqual(rowsIn(path), ["hello-0 ACTIVE hello-0"]);
  store.remove("hello-0");
  store.remove("never-was-0");
  pass(20);
  assert.deepEqual([store.all(), rowsIn(path)], [[], []]);
});

test("S2: errors are forgotten after a day, and the oldest of more than a thousand", (t) => {
  const { open, pass, path } = testStore(t);
  const store = open();
  const fail = (workerId: string) => {
    store.save(record({ workerId }));
    store.fail(workerId, "exited with status 1");
  };
  fail("first-0");
  pass(20);
  for (let slot = 0; slot < 1000; slot += 1) fail(`hello-${slot}`);
  pass(20);
  assert.deepEqual([rowsIn(path).length, store.get("first-0")], [1000, undefined]);
  pass(24 * 60 * 60 * 1000);
  store.save(record({ lastAccessMs: startMs }));
  pass(20);
  assert.deepEqual(rowsIn(path), ["hello-0 ACTIVE hello-0"]);
});
