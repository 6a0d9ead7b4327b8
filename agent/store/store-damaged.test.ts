import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { record } from "../workers/records.fake.ts";
import { removeDatabase } from "./files.ts";
import { rowsIn, testStore } from "./store.fake.ts";

const damaged = "error the workers' database is damaged: it is put aside, and a new one begun from what containerd has";

/** Databases that were put aside, without what SQLite keeps beside them. */
const aside = (path: string) => readdirSync(dirname(path)).filter((name) => /corrupt-.*Z$/.test(name));

const garbage = Buffer.from("this is no database ".repeat(1000));

const damages: Record<string, (path: string) => void> = {
  garbage: (path) => writeFileSync(path, garbage),
  "cut off": (path) => truncateSync(path, statSync(path).size / 2),
  "garbage in the middle": (path) => {
    const bytes = readFileSync(path);
    bytes.fill(0xaa, 4096);
    writeFileSync(path, bytes);
  },
  "somebody else's tables": (path) => {
    using database = new DatabaseSync(path);
    database.exec("ALTER TABLE workers RENAME TO employees");
  },
};

for (const [what, damage] of Object.entries(damages)) {
  test(`S2: a damaged database (${what}) is put aside, and a new one begun`, (t) => {
    const { open, pass, path, logged } = testStore(t);
    {
      using store = open();
      for (let slot = 0; slot < 200; slot += 1) store.save(record({ workerId: `hello-${slot}` }));
    }
    damage(path);
    const store = open();
    assert.deepEqual([logged, store.all(), aside(path).length], [[damaged], [], 1]);
    store.save(record());
    pass(20);
    assert.deepEqual(rowsIn(path), ["hello-0 ACTIVE hello-0"]);
  });
}

test("S2: one that is damaged while it is open is written anew with all that is known", (t) => {
  const { open, pass, path, logged } = testStore(t);
  const store = open();
  for (let slot = 0; slot < 200; slot += 1) store.save(record({ workerId: `hello-${slot}` }));
  pass(20);
  using other = new DatabaseSync(path);
  other.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  other.close();
  writeFileSync(path, garbage);
  store.save(record());
  pass(20);
  assert.deepEqual([logged, aside(path).length], [[damaged], 1]);
  assert.equal(rowsIn(path).length, 200);
});

test("S2: one that is removed while it is open is written anew with all that is known", (t) => {
  const { open, pass, path, logged } = testStore(t);
  const store = open();
  store.save(record({ workerId: "a-0" }));
  pass(20);
  for (const name of [path, `${path}-wal`, `${path}-shm`]) rmSync(name);
  store.save(record());
  pass(20);
  assert.deepEqual(logged, ["warn the workers' database was removed or replaced from outside: a new one is begun"]);
  assert.equal(rowsIn(path).length, 2);
});

test("S2: the last two damaged databases are kept; all of it goes with the rest of esb", async (t) => {
  const { open, pass, path } = testStore(t);
  for (let time = 0; time < 4; time += 1) {
    writeFileSync(path, `${time} ${garbage}`);
    open()[Symbol.dispose]();
    pass(1000);
  }
  const kept = aside(path).sort();
  assert.deepEqual(
    kept.map((name) => readFileSync(`${dirname(path)}/${name}`, "utf8")[0]),
    ["2", "3"],
  );
  writeFileSync(`${dirname(path)}/esb.dbx`, "not ours");
  await removeDatabase(dirname(path));
  await removeDatabase(`${dirname(path)}/nowhere`);
  assert.deepEqual(readdirSync(dirname(path)), ["esb.dbx"]);
});
