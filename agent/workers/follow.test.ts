import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { type FollowOptions, followEvents } from "./follow.ts";
import { changesOf, ensureRequest, never, type TestService, testService } from "./service.fake.ts";

const hello = { id: "hello-0", instanceId: undefined };

function follow(t: TestService, signal: AbortSignal) {
  const logged: string[] = [];
  const log = (_fields: object, text: string) => logged.push(text);
  const logger = { warn: log, error: log } as unknown as FollowOptions["logger"];
  const subscribed = Promise.withResolvers<void>();
  const following = followEvents({ ...t, logger }, signal, subscribed.resolve);
  following.catch(() => undefined);
  return { following, subscribed: subscribed.promise, logged };
}

async function startHello(t: TestService) {
  const { worker } = await t.service.ensure(ensureRequest(), never);
  return { pid: worker.pid, position: t.service.table.position };
}

test("a worker that ends is removed, with its status", async () => {
  await using t = await testService();
  follow(t, never);
  const { pid, position } = await startHello(t);
  t.runtime.change("hello-0", "stopped");
  t.runtime.emit({ type: "exited", id: "hello-0", pid, exitStatus: 3 });
  await settled();
  assert.deepEqual(await changesOf(t.service, position), ["removed hello-0 exited 3"]);
  assert.equal(t.runtime.workers.size, 0);
});

test("S1: a worker whose network is lost is removed; one that came after it under its id is not", async () => {
  await using t = await testService();
  const { logged } = follow(t, never);
  const { position } = await startHello(t);
  const known = t.service.table.get("hello-0");
  assert.ok(known?.state === "running");
  t.runtime.emit({ type: "network-lost", id: "hello-0", attachmentId: "another's" });
  await settled();
  assert.deepEqual(await changesOf(t.service, position), []);
  t.runtime.emit({ type: "network-lost", id: "hello-0", attachmentId: known.attachmentId ?? "" });
  await settled();
  assert.deepEqual(await changesOf(t.service, position), ["removed hello-0 network-lost"]);
  assert.equal(t.runtime.workers.size, 0);
  assert.equal(logged.length, 2);
});

test("S1: a worker whose shim has ended is removed; one that came after it under its id is not", async () => {
  await using t = await testService();
  follow(t, never);
  const { pid, position } = await startHello(t);
  t.runtime.emit({ type: "abandoned", id: "hello-0", pid: pid - 1 });
  await settled();
  assert.deepEqual(await changesOf(t.service, position), []);
  t.runtime.emit({ type: "abandoned", id: "hello-0", pid });
  await settled();
  assert.deepEqual(await changesOf(t.service, position), ["removed hello-0 exited 137"]);
  assert.equal(t.runtime.workers.size, 0);
});

test("status 137 is the memory limit's doing when the kernel has said so, by an event or by its counters", async () => {
  for (const [word, reason] of [
    ["event", "out-of-memory"],
    ["counters", "out-of-memory"],
    ["none", "exited"],
    ["none to be had", "exited"],
  ] as const) {
    await using t = await testService();
    follow(t, never);
    const { pid, position } = await startHello(t);
    if (word === "event") t.runtime.emit({ type: "out-of-memory", id: "hello-0" });
    if (word === "counters") t.runtime.oomKills = 1n;
    if (word === "none to be had") t.runtime.at("stats", () => Promise.reject(new Error("gone")));
    t.runtime.emit({ type: "exited", id: "hello-0", pid, exitStatus: 137 });
    await settled();
    assert.deepEqual(await changesOf(t.service, position), [`removed hello-0 ${reason} 137`], word);
  }
});

test("a process that the kernel killed without ending the worker is no reason for a later end by itself", async () => {
  await using t = await testService();
  follow(t, never);
  const { pid, position } = await startHello(t);
  t.runtime.emit({ type: "out-of-memory", id: "hello-0" });
  t.runtime.emit({ type: "exited", id: "hello-0", pid, exitStatus: 0 });
  await settled();
  assert.deepEqual(await changesOf(t.service, position), ["removed hello-0 exited 0"]);
});

test("a late word about a worker that is gone is not held against the next one", async () => {
  await using t = await testService();
  follow(t, never);
  t.runtime.emit({ type: "out-of-memory", id: "hello-0" });
  t.runtime.emit({ type: "removed", id: "hello-0" });
  const { pid, position } = await startHello(t);
  t.runtime.emit({ type: "exited", id: "hello-0", pid, exitStatus: 137 });
  await settled();
  assert.deepEqual(await changesOf(t.service, position), ["removed hello-0 exited 137"]);
});

test("what we did ourselves causes no look-up", async () => {
  await using t = await testService();
  follow(t, never);
  const { pid } = await startHello(t);
  await t.service.pause(hello, never);
  t.runtime.emit({ type: "paused", id: "hello-0" });
  await settled();
  await t.service.resume(hello, never);
  t.runtime.emit({ type: "resumed", id: "hello-0" });
  await settled();
  await t.service.destroy(hello);
  t.runtime.emit({ type: "exited", id: "hello-0", pid, exitStatus: 143 });
  t.runtime.emit({ type: "removed", id: "hello-0" });
  await settled();
  assert.deepEqual([t.runtime.count("inspect"), t.runtime.count("destroy")], [0, 1]);
});

test("a worker that somebody else froze, thawed or removed is looked at", async () => {
  await using t = await testService();
  follow(t, never);
  const { position } = await startHello(t);
  t.runtime.change("hello-0", "paused");
  t.runtime.emit({ type: "paused", id: "hello-0" });
  await settled();
  t.runtime.change("hello-0", "running");
  t.runtime.emit({ type: "resumed", id: "hello-0" });
  await settled();
  t.runtime.workers.delete("hello-0");
  t.runtime.emit({ type: "removed", id: "hello-0" });
  await settled();
  assert.deepEqual(await changesOf(t.service, position), [
    "changed hello-0 paused",
    "changed hello-0 running",
    "removed hello-0 exited",
  ]);
});

test("a container that is not ours is left alone, whatever happens to it", async () => {
  await using t = await testService();
  follow(t, never);
  const { pid } = t.runtime.put({ id: "theirs" });
  t.runtime.emit({ type: "paused", id: "theirs" });
  t.runtime.emit({ type: "exited", id: "theirs", pid, exitStatus: 0 });
  await settled();
  assert.deepEqual(t.runtime.calls, []);
});

test("the end of an earlier process of the same worker id changes nothing", async () => {
  await using t = await testService();
  follow(t, never);
  const { pid, position } = await startHello(t);
  t.runtime.emit({ type: "exited", id: "hello-0", pid: pid - 1, exitStatus: 0 });
  await settled();
  assert.deepEqual(await changesOf(t.service, position), []);
});

test("one worker's clean-up does not hold up the news of another, and its failure is logged", async () => {
  await using t = await testService();
  const { logged } = follow(t, never);
  const { pid } = await startHello(t);
  const other = await t.service.ensure(ensureRequest({ slot: 1 }), never);
  const cleaning = Promise.withResolvers<never>();
  t.runtime.at("destroy", (id) => (id === "hello-0" ? cleaning.promise : undefined));
  t.runtime.emit({ type: "exited", id: "hello-0", pid, exitStatus: 0 });
  t.runtime.emit({ type: "exited", id: "hello-1", pid: other.worker.pid, exitStatus: 0 });
  await settled();
  assert.deepEqual(t.service.table.all(), [], "both are told before they are cleaned up");
  assert.deepEqual([...t.runtime.workers.keys()], ["hello-0"]);
  cleaning.reject(new Error("device busy"));
  await settled();
  assert.deepEqual(logged, ["an event could not be handled"]);
});

test("it says when it listens, fails when the stream fails, and ends when the stream ends", async () => {
  await using t = await testService();
  const first = follow(t, never);
  await first.subscribed;
  assert.equal(t.runtime.followed, true);
  t.runtime.breakEvents(new Error("gone"));
  await assert.rejects(first.following, /gone/);

  const second = follow(t, never);
  await second.subscribed;
  t.runtime.breakEvents();
  await second.following;

  const ending = new AbortController();
  const third = follow(t, ending.signal);
  await third.subscribed;
  ending.abort();
  await assert.rejects(third.following, { name: "AbortError" });
});
