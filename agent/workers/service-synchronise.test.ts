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
  for (const slot of [0, 1, 2, 3]) await t.service.ensure(ensureRequest({ slot }), never);
  const { position } = t.service.table;
  t.runtime.workers.delete("hello-0");
  t.runtime.change("hello-1", "paused");
  t.runtime.change("hello-2", "stopped", 3);
  await t.service.synchronise(never);
  await t.service.synchronise(never);
  assert.deepEqual((await changesOf(t.service, position)).sort(), [
    "changed hello-1 paused",
    "removed hello-0 exited",
    "removed hello-2 exited 3",
  ]);
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
  const looks = () => t.runtime.calls.filter((call) => call === "inspect hello-0").length;
  assert.equal(await t.service.synchronise(never), 1);
  assert.equal(looks(), 1, "whether it has ended");
  ensuring.abort();
  await ended;
  await until(() => looks() === 2);
  assert.equal(t.service.table.get("hello-0"), undefined);
});

const unheardEnds = [
  { what: "ended", exitStatus: 3, code: "WORKER_EXITED", words: /ended with status 3 before it listened/ },
  { what: "was killed", exitStatus: 137, code: "WORKER_EXITED", words: /ended with status 137/ },
  {
    what: "was killed at its memory limit",
    exitStatus: 137,
    oomKills: 1n,
    code: "WORKER_OUT_OF_MEMORY",
    words: /limit/,
  },
  { what: "is gone", code: "RUNTIME_UNAVAILABLE", words: /the runtime lost worker hello-0/ },
] as const;

for (const { what, code, words, ...end } of unheardEnds) {
  test(`S5: a start whose worker ${what} while nobody told of it ends as soon as that is found`, async () => {
    await using t = await testService({ listening: false });
    const failed = assert.rejects(t.service.ensure(ensureRequest(), never), { code, message: words });
    await until(() => t.service.exits.expected("hello-0").length > 0);
    if ("oomKills" in end) t.runtime.oomKills = end.oomKills;
    if ("exitStatus" in end) t.runtime.change("hello-0", "stopped", end.exitStatus);
    else t.runtime.workers.delete("hello-0");
    await t.service.synchronise(never);
    await failed;
    assert.deepEqual([t.runtime.workers.size, t.service.table.all(), t.warnings], [0, [], []]);
  });
}

test("S5: a start whose worker somebody replaced while nobody told of it ends too", async () => {
  await using t = await testService({ listening: false });
  const failed = assert.rejects(t.service.ensure(ensureRequest(), never), { code: "RUNTIME_UNAVAILABLE" });
  await until(() => t.service.exits.expected("hello-0").length > 0);
  t.runtime.put({ id: "hello-0" });
  await t.service.synchronise(never);
  await failed;
});

test("a runtime that goes away meanwhile is an error", async () => {
  await using t = await testService();
  t.runtime.put({ id: "a-0", identity: ours("a-0") });
  t.runtime.at("inspect", () => Promise.reject(new AgentError("RUNTIME_UNAVAILABLE", "away")));
  await assert.rejects(t.service.synchronise(never), /away/);
});
