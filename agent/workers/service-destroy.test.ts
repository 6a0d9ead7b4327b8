import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { changesOf, ensureRequest, never, testService } from "./service.fake.ts";

const hello = { id: "hello-0", instanceId: undefined };

test("W8: a worker is gone, running or frozen, with the time given or the default one", async () => {
  await using t = await testService();
  for (const [freeze, graceMs, expected] of [
    [false, undefined, 2000],
    [true, 50, 50],
  ] as const) {
    await t.service.ensure(ensureRequest(), never);
    if (freeze) await t.service.pause(hello, never);
    const { position } = t.service.table;
    assert.equal(await t.service.destroy(hello, graceMs), true);
    assert.ok(t.runtime.calls.includes(`destroy hello-0 ${expected}`));
    assert.deepEqual(await changesOf(t.service, position), ["removed hello-0 destroyed"]);
    assert.equal(t.runtime.workers.size, 0);
  }
});

test("destroying what is not there succeeds, and a container that we don't know of goes too", async () => {
  await using t = await testService();
  assert.equal(await t.service.destroy(hello), false);
  t.runtime.put({ id: "hello-0" });
  assert.equal(await t.service.destroy(hello), true);
});

test("only this very worker is destroyed when an instance is named", async () => {
  await using t = await testService();
  const { worker } = await t.service.ensure(ensureRequest(), never);
  assert.equal(await t.service.destroy({ id: "hello-0", instanceId: "another" }), false);
  assert.equal(t.runtime.workers.size, 1);
  assert.equal(await t.service.destroy({ id: "hello-0", instanceId: worker.identity.instanceId }), true);
});

test("a failure is told, and the worker stays known so that it can be tried again", async () => {
  await using t = await testService();
  await t.service.ensure(ensureRequest(), never);
  t.runtime.at("destroy", () => Promise.reject(new Error("device busy")));
  await assert.rejects(t.service.destroy(hello), /device busy/);
  assert.notEqual(t.service.table.get("hello-0"), undefined);
  t.runtime.at("destroy", () => undefined);
  assert.equal(await t.service.destroy(hello), true);
});

test("a Destroy that is withdrawn before its turn does nothing; one that has begun is carried through", async () => {
  await using t = await testService();
  await t.service.ensure(ensureRequest(), never);
  const held = Promise.withResolvers<void>();
  t.runtime.at("destroy", () => held.promise);
  const [first, second] = [new AbortController(), new AbortController()];
  const begun = t.service.destroy(hello, 0, first.signal);
  const waits = t.service.destroy(hello, 0, second.signal);
  await settled();
  first.abort(new Error("left"));
  second.abort(new Error("left"));
  held.resolve();
  assert.equal(await begun, true);
  await assert.rejects(waits, /left/);
  assert.equal(t.runtime.count("destroy"), 1);
});
