import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import fc from "fast-check";
import { record } from "../workers/records.fake.ts";
import type { WorkerRecord } from "../workers/records.ts";
import { rowsIn, testStore } from "./store.fake.ts";

type Step =
  | { readonly do: "save"; readonly id: string; readonly state: "ACTIVE" | "IDLE"; readonly lastAccessMs: number }
  | { readonly do: "fail" | "remove"; readonly id: string }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "lock" | "unlock" | "unlink" | "restart" };

const id = fc.constantFrom("a-0", "b-0", "c-0");
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant("save" as const),
    id,
    state: fc.constantFrom("ACTIVE" as const, "IDLE" as const),
    lastAccessMs: fc.nat(),
  }),
  fc.record({ do: fc.constantFrom("fail" as const, "remove" as const), id }),
  fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(5, 20, 3000) }),
  fc.record({ do: fc.constantFrom("lock" as const, "unlock" as const, "unlink" as const, "restart" as const) }),
);

test("S2: whatever happens to the file, memory tells what was said last, and the disk as soon as it can", (t) => {
  const { open, pass, path } = testStore(t);
  const model = new Map<string, WorkerRecord>();
  const inOrder = (records: WorkerRecord[]) => records.sort((a, b) => (a.workerId < b.workerId ? -1 : 1));
  const run = (steps: readonly Step[]) => {
    for (const file of [path, `${path}-wal`, `${path}-shm`]) rmSync(file, { force: true });
    model.clear();
    let store = open();
    let lock: DatabaseSync | undefined;
    const unlock = () => {
      lock?.close();
      lock = undefined;
    };
    for (const now of steps) {
      if (now.do === "save") {
        const { id: workerId, state, lastAccessMs } = now;
        const saved = record({ workerId, containerId: workerId, state, lastAccessMs });
        model.set(workerId, saved);
        store.save(saved);
      } else if (now.do === "fail") {
        const known = model.get(now.id);
        if (known !== undefined && known.state !== "ERROR")
          model.set(now.id, { ...known, state: "ERROR", containerId: undefined, reason: "gone" });
        store.fail(now.id, "gone");
      } else if (now.do === "remove") {
        model.delete(now.id);
        store.remove(now.id);
      } else if (now.do === "pass") pass(now.ms);
      else if (now.do === "unlock") unlock();
      else if (now.do === "lock") {
        if (lock !== undefined || !existsSync(path)) continue;
        lock = new DatabaseSync(path);
        lock.exec("BEGIN EXCLUSIVE");
      } else if (now.do === "unlink") {
        unlock();
        for (const file of [path, `${path}-wal`, `${path}-shm`]) rmSync(file, { force: true });
      } else {
        unlock();
        // A removal that nothing was written behind shows only at the next write.
        store.save(record({ workerId: "d-0" }));
        store.remove("d-0");
        store[Symbol.dispose]();
        store = open();
      }
      assert.deepEqual(inOrder(store.all()), inOrder([...model.values()]));
    }
    unlock();
    store.save(record({ workerId: "d-0" }));
    store.remove("d-0");
    pass(60_000);
    const rows = inOrder([...model.values()]).map(
      (row) => `${row.workerId} ${row.state} ${row.containerId ?? row.reason}`,
    );
    assert.deepEqual(rowsIn(path), rows);
    store[Symbol.dispose]();
  };
  fc.assert(fc.property(fc.array(step, { maxLength: 30 }), run), { numRuns: 60 });
});
