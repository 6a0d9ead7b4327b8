import assert from "node:assert/strict";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { LogPosition } from "./files.ts";
import { type FollowedLines, type FollowOptions, followLogs } from "./follow.ts";
import { type LogOwner, logFileName } from "./names.ts";

const one: LogOwner = { id: "one-0", instanceId: "instance-1" };
const two: LogOwner = { id: "two-0", instanceId: "instance-2" };

const record = (second: number, text = String(second)) =>
  `1970-01-01T00:00:${String(second).padStart(2, "0")}.000000000Z stdout F ${text}\n`;

interface TestLogs extends AsyncDisposable {
  path(owner: LogOwner, number: number): string;
  write(owner: LogOwner, number: number, text: string): Promise<void>;
  /** Follows; each time that there is nothing to read, the next step is taken; after the last, it leaves. */
  follow(steps: readonly (() => Promise<unknown>)[], options?: Partial<FollowOptions>): Promise<FollowedLines[]>;
}

async function testLogs(): Promise<TestLogs> {
  const folder = await mkdtemp(join(tmpdir(), "esb-follow-"));
  const path = (owner: LogOwner, number: number) => join(folder, logFileName({ ...owner, number }));
  return {
    path,
    write: (owner, number, text) => appendFile(path(owner, number), text),
    async follow(steps, options = {}) {
      const left = [...steps];
      const leaving = new AbortController();
      const pause = async () => {
        const step = left.shift();
        if (step === undefined) leaving.abort();
        await step?.();
      };
      const found: FollowedLines[] = [];
      const following = followLogs({
        folder,
        isWanted: () => true,
        positions: new Map(),
        sinceNs: 0n,
        signal: leaving.signal,
        watch: () => undefined,
        pause,
        ...options,
      });
      for await (const lines of following) found.push(lines);
      assert.deepEqual(left, [], "all steps were taken");
      return found;
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

const textsOf = (found: readonly FollowedLines[], { id }: LogOwner) =>
  found.filter(({ owner }) => owner.id === id).flatMap(({ lines }) => lines.map(({ text }) => text.toString()));

test("O1: what all workers print comes once, also from files that begin, change and go meanwhile", async () => {
  await using logs = await testLogs();
  await logs.write(one, 1, record(1) + record(2).slice(0, 35));
  const found = await logs.follow([
    () => logs.write(one, 1, record(2).slice(35)),
    () => logs.write(two, 1, record(3)),
    async () => {
      await logs.write(one, 1, record(4));
      await logs.write(one, 2, record(5));
    },
    // Its last words: they are written, and the log is removed, before anybody looks.
    async () => {
      await logs.write(two, 1, record(6));
      await rm(logs.path(two, 1));
    },
  ]);
  assert.deepEqual(textsOf(found, one), ["1", "2", "4", "5"]);
  assert.deepEqual(textsOf(found, two), ["3", "6"]);
});

test("O1: a later follower goes on behind any line that the former one had", async () => {
  await using logs = await testLogs();
  for (const second of [1, 2, 3]) await logs.write(one, 1, record(second));
  const found = await logs.follow([
    () => logs.write(one, 1, record(4)),
    () => logs.write(one, 2, record(5)),
    () => logs.write(one, 2, record(6)),
  ]);
  assert.deepEqual(textsOf(found, one), ["1", "2", "3", "4", "5", "6"]);
  let had = 0;
  for (const { lines, position } of found) {
    had += lines.length;
    const rest = await logs.follow([], { positions: new Map([[one.instanceId, position]]) });
    assert.deepEqual(textsOf(rest, one), ["1", "2", "3", "4", "5", "6"].slice(had));
  }
});

test("O1: lines that were rotated away unread are missed and said to be", async () => {
  await using logs = await testLogs();
  await logs.write(one, 3, record(7));
  const positions = new Map<string, LogPosition>([[one.instanceId, { number: 1, offset: 10 }]]);
  assert.deepEqual(textsOf(await logs.follow([], { positions }), one), [
    "[esb: lines that came here were removed before they could be read]",
    "7",
  ]);
});

test("O1: only lines since a moment are told of logs that nobody has read, and only wanted logs", async () => {
  await using logs = await testLogs();
  await logs.write(one, 1, record(1) + record(2));
  await logs.write(two, 1, record(1) + record(2));
  const positions = new Map([[two.instanceId, { number: 1, offset: 0 }]]);
  const found = await logs.follow([], { positions, sinceNs: 2_000_000_000n });
  assert.deepEqual(textsOf(found, one), ["2"]);
  assert.deepEqual(textsOf(found, two), ["1", "2"]);
  const unwanted = await logs.follow([], { isWanted: ({ id }) => id === "two-0" });
  assert.deepEqual(textsOf(unwanted, one), []);
});

test("O1: a flood holds nobody up: each log is read a piece at a time, in turn", async () => {
  await using logs = await testLogs();
  const line = record(1, "x".repeat(1000));
  await logs.write(one, 1, line.repeat(1000));
  await logs.write(two, 1, record(2));
  const found = await logs.follow([]);
  assert.ok(found.findIndex(({ owner }) => owner.id === "two-0") <= 1);
  assert.equal(textsOf(found, one).length, 1000);
  assert.ok(found.every(({ lines }) => lines.length <= 64));
});

test("O1: a change is heard of by inotify", async () => {
  await using logs = await testLogs();
  await writeFile(logs.path(one, 1), "");
  const leaving = new AbortController();
  const following = followLogs({
    folder: join(logs.path(one, 1), ".."),
    isWanted: () => true,
    positions: new Map(),
    sinceNs: 0n,
    signal: leaving.signal,
    // Nothing but inotify can end it.
    pause: (signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })),
  });
  const first = following.next();
  await logs.write(one, 1, record(1));
  const { value } = await first;
  assert.deepEqual(
    value?.lines.map(({ text }) => text.toString()),
    ["1"],
  );
  leaving.abort();
  assert.equal((await following.next()).done, true);
});
