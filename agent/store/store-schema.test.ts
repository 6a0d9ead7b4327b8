import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { record } from "../workers/records.fake.ts";
import { rowsIn, testStore } from "./store.fake.ts";

const versionOf = (path: string) => {
  using database = new DatabaseSync(path);
  return database.prepare("PRAGMA user_version").get()?.user_version;
};

test("S2: an empty database is brought to the present schema, once", (t) => {
  const { open, path, logged } = testStore(t);
  new DatabaseSync(path).close();
  assert.equal(versionOf(path), 0);
  {
    using store = open();
    store.save(record());
  }
  assert.equal(versionOf(path), 1);
  assert.deepEqual([open().all(), logged], [[record()], []]);
});

test("S2: a newer esb's database is left as it is, and the agent goes on without one", (t) => {
  const { open, pass, path, logged } = testStore(t);
  {
    using database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 99; CREATE TABLE workers (of_the_future)");
  }
  const before = readFileSync(path);
  const files = readdirSync(dirname(path));
  const store = open();
  store.save(record());
  pass(10 * 60_000);
  assert.equal(store.getContainerId("hello-0"), "hello-0");
  store[Symbol.dispose]();
  assert.deepEqual(logged, [
    "error newer the workers' database cannot be used: workers go on without it, what is to be kept waits in memory",
  ]);
  assert.deepEqual(readFileSync(path), before);
  assert.deepEqual(readdirSync(dirname(path)), files);
});

test("S2: the schema refuses what makes no sense", (t) => {
  const { open, path } = testStore(t);
  {
    using store = open();
    store.save(record());
  }
  using database = new DatabaseSync(path);
  for (const change of ["state = 'ERROR'", "state = 'SLEEPY'", "container_id = NULL", "last_access_ms = 'now'"]) {
    assert.throws(() => database.exec(`UPDATE workers SET ${change}`), /constraint failed|cannot store/, change);
  }
  assert.deepEqual(rowsIn(path), ["hello-0 ACTIVE hello-0"]);
});
