import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { startMs, testStore } from "./store.fake.ts";

/** Writes pairs of workers that are always in the same state, and says which round has been written. */
const writer = `
  const { WorkerDatabase } = await import(process.argv[1]);
  const database = new WorkerDatabase(process.argv[2], 0);
  for (let round = 1; ; round += 1) {
    const record = { containerId: "c", instanceId: "i", function: "f", slot: 0, owner: "o", state: "ACTIVE",
      reason: undefined, network: undefined, lastAccessMs: round };
    const entries = Array.from({ length: 50 }, (_, slot) => ({ record: { ...record, workerId: "f-" + slot, slot },
      changedAtMs: round }));
    database.write(entries, [], 0);
    if (round % 20 === 0) console.log(round);
  }`;

test("S2: SIGKILL in the middle of writing leaves the last whole transaction", async (t) => {
  const { open, path, logged } = testStore(t);
  for (let time = 0; time < 5; time += 1) {
    const module = new URL("database.ts", import.meta.url).href;
    const child = spawn(process.execPath, ["--input-type=module", "-e", writer, module, path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    let told = 0;
    const reading = createInterface({ input: child.stdout });
    reading.on("line", (line) => {
      told = Number(line);
      if (told >= 40 * (time + 1)) child.kill("SIGKILL");
    });
    await Promise.all([exited, once(reading, "close")]);

    const store = open();
    const rounds = new Set(store.all().map(({ lastAccessMs }) => lastAccessMs));
    assert.equal(store.all().length, 50);
    assert.equal(rounds.size, 1, "all of a transaction or nothing");
    assert.ok(
      [...rounds].every((round) => round >= told && round < startMs),
      "what was written stays written",
    );
    store[Symbol.dispose]();
    using database = new DatabaseSync(path);
    assert.equal(database.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
  }
  assert.deepEqual(logged, []);
});
