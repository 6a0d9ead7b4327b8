import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PositionsFile } from "../logs/positions.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { KeptFile } from "./kept.ts";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "esb-kept-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const position = { instanceId: "a", file: 3n, offset: 2n ** 60n };

test("O1: how far logs were read is written a second after it has changed, and at the end; the next life goes on there", () =>
  inFolder(async (folder) => {
    const path = join(folder, "positions");
    const clock = new FakeClock();
    const first = new PositionsFile(path, clock);
    assert.equal(first.sinceMs, clock.epochMs(), "of a life before nothing is known");
    first.keep(position);
    await assert.rejects(readFile(path));
    await clock.advance(1000);
    assert.deepEqual(new PositionsFile(path, clock).all(), [position]);
    first.keep({ ...position, offset: 7n });
    first[Symbol.dispose]();
    const next = new PositionsFile(path, clock);
    assert.deepEqual(next.all(), [{ ...position, offset: 7n }]);
    assert.ok(next.sinceMs <= clock.epochMs() - 10_000, "and what may have been unread");
  }));

test("O1: a file that makes no sense, or cannot be written, is done without", () =>
  inFolder(async (folder) => {
    const path = join(folder, "positions");
    const clock = new FakeClock();
    for (const text of ["", "{}", '{"savedAtMs":1,"positions":[{}]}']) {
      await writeFile(path, text);
      assert.deepEqual(new PositionsFile(path, clock).all(), []);
    }
    const nowhere = new PositionsFile(join(folder, "not", "there"), clock);
    nowhere.keep(position);
    await clock.advance(1000);
    assert.deepEqual(nowhere.all(), [position]);
  }));

test("D3: what takes long to write is written more seldom, so that it takes a fiftieth of the time at most", () =>
  inFolder(async (folder) => {
    let [nowMs, takesMs] = [0, 100];
    let due = () => {};
    const waits: number[] = [];
    const clock = {
      now: () => nowMs,
      epochMs: () => nowMs,
      after(ms: number, callback: () => void) {
        waits.push(ms);
        due = callback;
        return () => undefined;
      },
    };
    using file = new KeptFile(join(folder, "groups"), clock, () => {
      nowMs += takesMs;
      return {};
    });
    for (takesMs of [100, 1, 1]) {
      file.changed();
      due();
    }
    assert.deepEqual(waits, [1000, 5000, 1000]);
  }));
