import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { FakeRecords } from "./records.fake.ts";
import { type WatchMessage, WorkerTable } from "./table.ts";
import { liveWorker } from "./worker.fake.ts";

/** Reads what a watch has to say until it waits for more. */
async function readAll(table: WorkerTable, position: string): Promise<WatchMessage[]> {
  const controller = new AbortController();
  const messages: WatchMessage[] = [];
  const reading = (async () => {
    for await (const message of table.watch(position, controller.signal)) messages.push(message);
  })();
  await settled();
  controller.abort();
  await reading;
  return messages;
}

const told = (messages: WatchMessage[]) =>
  messages.map((message) =>
    message.type === "snapshot"
      ? `snapshot ${message.workers.map(({ identity }) => identity.id).join(" ")}`.trim()
      : `${message.change.type} ${message.change.worker.identity.id} ${message.change.worker.state}`,
  );

const hello = liveWorker();
const other = liveWorker({ id: "other-0", function: "other", instanceId: "instance-2" });

test("a watch from nowhere begins with a snapshot, by id", async () => {
  const table = new WorkerTable(new FakeRecords());
  assert.deepEqual(told(await readAll(table, "")), ["snapshot"]);
  table.set(other);
  table.set(hello);
  const messages = await readAll(table, "");
  assert.deepEqual(told(messages), ["snapshot hello-0 other-0"]);
  assert.equal(messages[0]?.position, table.position);
});

test("a watch from where another ended tells only what came after", async () => {
  const table = new WorkerTable(new FakeRecords());
  table.set(hello);
  const { position } = table;
  assert.deepEqual(told(await readAll(table, position)), []);
  table.set({ ...hello, state: "paused" });
  table.remove("hello-0", "out-of-memory", 137);
  const messages = await readAll(table, position);
  assert.deepEqual(told(messages), ["changed hello-0 paused", "removed hello-0 paused"]);
  assert.deepEqual(messages[1], {
    type: "change",
    position: table.position,
    change: {
      type: "removed",
      worker: { ...hello, state: "paused" },
      reason: "out-of-memory",
      exitStatus: 137,
    },
  });
  assert.deepEqual(told(await readAll(table, messages[0]?.position ?? "")), ["removed hello-0 paused"]);
});

test("a position of another table, from the future or of no sense means a snapshot", async () => {
  const table = new WorkerTable(new FakeRecords());
  const before = new WorkerTable(new FakeRecords());
  table.set(hello);
  before.set(hello);
  const epoch = table.position.split(".")[0];
  for (const position of [
    before.position,
    `${epoch}.2`,
    `${epoch}.-1`,
    `${epoch}.x`,
    `${epoch}.`,
    `${epoch}`,
    "\0",
    ".",
  ]) {
    assert.deepEqual(told(await readAll(table, position)), ["snapshot hello-0"], JSON.stringify(position));
  }
});

test("a position that the journal has forgotten means a snapshot", async () => {
  const table = new WorkerTable(new FakeRecords(), 2);
  const start = table.position;
  table.set(hello);
  const afterOne = table.position;
  table.set({ ...hello, state: "paused" });
  table.set(hello);
  assert.deepEqual(told(await readAll(table, start)), ["snapshot hello-0"]);
  assert.deepEqual(told(await readAll(table, afterOne)), ["changed hello-0 paused", "changed hello-0 running"]);
});

test("a slow watcher that the journal overtakes is given a snapshot, and goes on from there", async () => {
  const table = new WorkerTable(new FakeRecords(), 2);
  const controller = new AbortController();
  const watch = table.watch(table.position, controller.signal);
  table.set(hello);
  assert.deepEqual(told([(await watch.next()).value as WatchMessage]), ["changed hello-0 running"]);
  for (const state of ["paused", "running", "paused"] as const) table.set({ ...hello, state });
  const message = (await watch.next()).value as WatchMessage;
  assert.deepEqual(told([message]), ["snapshot hello-0"]);
  assert.equal(message.position, table.position);
  table.remove("hello-0", "destroyed");
  assert.deepEqual(told([(await watch.next()).value as WatchMessage]), ["removed hello-0 paused"]);
  controller.abort();
});

test("several watchers each see every change, and an abort ends only its own", async () => {
  const table = new WorkerTable(new FakeRecords());
  const [first, second] = [new AbortController(), new AbortController()];
  const [one, two] = [table.watch(table.position, first.signal), table.watch(table.position, second.signal)];
  const waiting = [one.next(), two.next()];
  await settled();
  table.set(hello);
  for (const { value } of await Promise.all(waiting))
    assert.deepEqual(told([value as WatchMessage]), ["changed hello-0 running"]);

  const ended = one.next();
  const goesOn = two.next();
  await settled();
  first.abort();
  assert.deepEqual(await ended, { done: true, value: undefined });
  table.set(other);
  assert.deepEqual(told([(await goesOn).value as WatchMessage]), ["changed other-0 running"]);
  second.abort();
});

test("a watch whose signal has aborted ends at once", async () => {
  const { value, done } = await new WorkerTable(new FakeRecords()).watch("", AbortSignal.abort()).next();
  assert.deepEqual([value, done], [undefined, true]);
});

test("what is known already is not told again, and what is not known is not removed", async () => {
  const table = new WorkerTable(new FakeRecords());
  table.set(hello);
  const { position } = table;
  table.set({ ...hello, endpoint: { ...hello.endpoint } });
  table.remove("other-0", "exited");
  assert.equal(table.position, position);
  for (const changed of [
    { ...hello, pid: 101 },
    { ...hello, endpoint: { host: "10.63.0.3", port: 8080 } },
    { ...hello, identity: { ...hello.identity, instanceId: "instance-2" } },
  ]) {
    const before = table.position;
    table.set(changed);
    assert.notEqual(table.position, before);
  }
});
