import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentError } from "../errors.ts";
import { changesOf, ensureRequest, never, testService, until } from "./service.fake.ts";
import { identity } from "./worker.fake.ts";

const ours = (id: string) => identity({ id, instanceId: `${id}'s` });

test("S1: running and frozen workers are taken back as they are, and nothing waits for the rest to be removed", async () => {
  await using t = await testService();
  t.runtime.put({ id: "a-0", identity: ours("a-0") });
  t.runtime.put({ id: "b-0", identity: ours("b-0"), state: "paused" });
  t.runtime.put({ id: "c-0", identity: ours("c-0"), state: "stopped" });
  t.runtime.put({ id: "d-0", identity: ours("d-0"), state: "created" });
  t.runtime.put({ id: "e-0" });
  assert.equal(await t.service.synchronise(never), 2);
  assert.deepEqual(
    t.service.table.all().map((worker) => `${worker.identity.id} ${worker.state}`),
    ["a-0 running", "b-0 paused"],
  );
  assert.deepEqual([t.runtime.count("resume"), t.runtime.count("pause"), t.runtime.count("destroy")], [0, 0, 0]);
});

test("what changed while we did not hear of it is found, and told once", async () => {
  await using t = await testService();
  for (const slot of [0, 1, 2]) await t.service.ensure(ensureRequest({ slot }), never);
  const { position } = t.service.table;
  t.runtime.workers.delete("hello-0");
  t.runtime.change("hello-1", "paused");
  await t.service.synchronise(never);
  await t.service.synchronise(never);
  assert.deepEqual((await changesOf(t.service, position)).sort(), ["changed hello-1 paused", "removed hello-0 exited"]);
});

test("one worker that cannot be looked at is logged and does not hold up the others", async () => {
  await using t = await testService();
  t.runtime.put({ id: "a-0", identity: ours("a-0") });
  t.runtime.put({ id: "b-0", identity: ours("b-0") });
  t.runtime.at("inspect", (id) => (id === "a-0" ? Promise.reject(new Error("device busy")) : undefined));
  assert.equal(await t.service.synchronise(never), 1);
  assert.deepEqual(t.warnings, ["a worker could not be brought into line: device busy"]);
  assert.equal(t.service.table.get("b-0")?.state, "running");
});

test("S5: one that is still being started does not hold up the others, and is looked at behind its start", async () => {
  await using t = await testService({ listening: false });
  const ensuring = new AbortController();
  const ended = assert.rejects(t.service.ensure(ensureRequest(), ensuring.signal), { name: "AbortError" });
  await until(() => t.runtime.workers.get("hello-0")?.state === "running");
  t.runtime.put({ id: "a-0", identity: ours("a-0") });
  assert.equal(await t.service.synchronise(never), 1);
  assert.equal(t.runtime.calls.includes("inspect hello-0"), false);
  ensuring.abort();
  await ended;
  await until(() => t.runtime.calls.includes("inspect hello-0"));
  assert.equal(t.service.table.get("hello-0"), undefined);
});

test("a runtime that goes away meanwhile is an error", async () => {
  await using t = await testService();
  t.runtime.put({ id: "a-0", identity: ours("a-0") });
  t.runtime.at("inspect", () => Promise.reject(new AgentError("RUNTIME_UNAVAILABLE", "away")));
  await assert.rejects(t.service.synchronise(never), /away/);
});
