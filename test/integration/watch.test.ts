import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { workerId } from "../../agent/workers/identity.ts";
import { RemovalReason, WorkerState } from "../../proto/gen/esb/agent/v1/agent.ts";
import { ensureRequest, owner } from "../support/calls.ts";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { staticServerArchive } from "../support/images.ts";
import { watch } from "../support/watcher.ts";

let esb: TestEsb;
before(async () => {
  esb = await startEsb({ archives: [await staticServerArchive()] });
});
after(() => esb?.[Symbol.asyncDispose]());

const { STARTING, RUNNING, PAUSED } = WorkerState;
const { DESTROYED, REPLACED } = RemovalReason;

/** A start: it is there, then its address is known too, before anything of it can call (L7). */
const begun = (id: string) => [`changed ${id} ${STARTING}`, `changed ${id} ${STARTING} addressed`];

/** A life with one change of each kind, by our own calls. */
async function live(name: string): Promise<string[]> {
  const workerId = `${name}-0`;
  await esb.workers.ensure(ensureRequest(name));
  await esb.workers.pause({ workerId });
  await esb.workers.ensure(ensureRequest(name));
  await esb.workers.destroy({ workerId });
  const states = [RUNNING, PAUSED, RUNNING].map((state) => `changed ${workerId} ${state}`);
  return [...begun(workerId), ...states, `removed ${workerId} ${DESTROYED}`];
}

test("W1: Watch begins with a snapshot, then tells each change once and in order", async () => {
  await esb.workers.ensure(ensureRequest("there"));
  await using watcher = watch(esb);
  await watcher.first(({ event }) => (event?.$case === "snapshot" ? true : undefined));
  const expected = ["snapshot there-0", ...(await live("told"))];
  await watcher.first(({ event }) => (event?.$case === "removed" ? true : undefined));
  await delay(300);
  assert.deepEqual(watcher.lines(), expected);
  const positions = watcher.messages.map(({ position }) => position);
  assert.equal(new Set(positions).size, positions.length);
});

test("W1: what is done with ctr is told as well", async () => {
  await esb.workers.ensure(ensureRequest("by-ctr"));
  const { position } = await esb.workers.list({});
  await using watcher = watch(esb, { position });
  const state = (wanted: WorkerState) => () =>
    watcher.messages.some(({ event }) => event?.$case === "changed" && event.value.state === wanted) || undefined;
  await esb.ctr("tasks", "pause", "by-ctr-0");
  await watcher.first(state(PAUSED), 1000);
  await esb.ctr("tasks", "resume", "by-ctr-0");
  await watcher.first(state(RUNNING), 1000);
});

test("W1: a Watch from a position of List or of another Watch misses nothing and repeats nothing", async () => {
  const { position } = await esb.workers.list({});
  const expected = await live("missed");
  await using all = watch(esb, { position });
  await all.first(({ event }) => (event?.$case === "removed" ? true : undefined));
  assert.deepEqual(all.lines(), expected);
  for (const [index, message] of all.messages.entries()) {
    await using rest = watch(esb, { position: message.position });
    await live("more");
    await rest.first(({ event }) => (event?.$case === "removed" && event.value.worker?.id === "more-0") || undefined);
    assert.deepEqual(rest.lines().slice(0, expected.length - index - 1), expected.slice(index + 1));
    if (index === 1) break;
  }
});

test("W1: a position that means nothing gets a snapshot", async () => {
  for (const position of ["nonsense", "0123456789ab.3", "0123456789ab.99999999999999"]) {
    await using watcher = watch(esb, { position });
    await watcher.first(({ event }) => (event?.$case === "snapshot" ? true : undefined));
  }
});

test("W1, S6: a Watch of one owner hears of nobody else's workers", async () => {
  await using watcher = watch(esb, { owner });
  await watcher.first(({ event }) => (event?.$case === "snapshot" ? true : undefined));
  await esb.workers.ensure({ ...ensureRequest("foreign"), owner: "others" });
  await esb.workers.ensure(ensureRequest("own"));
  await watcher.first(({ event }) => (event?.$case === "changed" && event.value.state === RUNNING) || undefined);
  assert.ok(watcher.lines().every((line) => !line.includes("foreign")));
  const { workers } = await esb.workers.list({ owner: "others" });
  assert.deepEqual(
    workers.map(({ id, owner }) => [id, owner]),
    [[workerId("foreign", 0, "others"), "others"]],
  );
});

test("W1: a worker whose spec changed is told as replaced, then as new", async () => {
  await esb.workers.ensure(ensureRequest("new-spec"));
  const { position } = await esb.workers.list({});
  await using watcher = watch(esb, { position });
  await esb.workers.ensure(ensureRequest("new-spec", { memoryMib: 256 }));
  await watcher.first(({ event }) => (event?.$case === "changed" && event.value.state === RUNNING) || undefined);
  assert.deepEqual(watcher.lines(), [
    `removed new-spec-0 ${REPLACED}`,
    ...begun("new-spec-0"),
    `changed new-spec-0 ${RUNNING}`,
  ]);
});

test("W1: a start that fails is told as begun and removed", async () => {
  const { position } = await esb.workers.list({});
  await using watcher = watch(esb, { position });
  await assert.rejects(esb.workers.ensure(ensureRequest("fails", { command: ["/nope"] })));
  await watcher.first(({ event }) => (event?.$case === "removed" ? true : undefined));
  assert.deepEqual(watcher.lines(), [...begun("fails-0"), `removed fails-0 ${DESTROYED}`]);
});

test("W1: many watchers all hear of a change, and of one's leaving none of the others", async () => {
  const { position } = await esb.workers.list({});
  const watchers = Array.from({ length: 20 }, () => watch(esb, { position }));
  await using all = new AsyncDisposableStack();
  for (const watcher of watchers) all.use(watcher);
  await watchers[0]?.[Symbol.asyncDispose]();
  const expected = await live("crowd");
  for (const watcher of watchers.slice(1)) {
    await watcher.first(({ event }) => (event?.$case === "removed" ? true : undefined));
    assert.deepEqual(watcher.lines(), expected);
  }
});
