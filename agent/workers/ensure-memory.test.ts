import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryBudget } from "./memory-budget.ts";
import { ensureRequest, never, testService } from "./service.fake.ts";
import { functionSpec, mebibyte } from "./worker.fake.ts";

const budgetOf = (mebibytes: number) => ({ memory: new MemoryBudget({ bytes: mebibytes * mebibyte, percent: 100 }) });
const sized = (mebibytes: number) => ({ function: functionSpec({ memoryBytes: mebibytes * mebibyte }) });

test("G6: of twenty starts at once only as many are made as the host has memory for, and the others leave nothing", async () => {
  await using t = await testService(budgetOf(5 * 128));
  const owners = ["gateway", "other"];
  const starts = Array.from({ length: 20 }, (_, index) =>
    t.service.ensure(ensureRequest({ slot: index >> 1, owner: owners[index % 2] ?? "" }), never),
  );
  const outcomes = await Promise.allSettled(starts);
  const refused = outcomes.filter((outcome) => outcome.status === "rejected");
  assert.ok(refused.every(({ reason }) => reason.code === "MEMORY_EXHAUSTED"));
  assert.equal(refused.length, 15);
  assert.equal(t.service.table.all().length, 5);
  assert.equal(t.runtime.workers.size, 5);
  assert.equal(t.runtime.count("image"), 5, "nothing is touched for a start that is refused");
});

test("G6: a worker that is gone, by whatever way, makes room", async () => {
  await using t = await testService(budgetOf(128));
  const { worker } = await t.service.ensure(ensureRequest(), never);
  await assert.rejects(t.service.ensure(ensureRequest({ slot: 1 }), never), { code: "MEMORY_EXHAUSTED" });
  assert.equal((await t.service.ensure(ensureRequest(), never)).startKind, "warm", "what is there needs no room");
  await t.service.noticeExit("hello-0", worker.pid, { exitStatus: 1, outOfMemory: false });

  t.runtime.at("start", () => Promise.reject(new Error("broken")));
  await assert.rejects(t.service.ensure(ensureRequest({ slot: 1 }), never), /broken/);
  t.runtime.at("start", () => undefined);
  assert.equal((await t.service.ensure(ensureRequest({ slot: 2 }), never)).startKind, "cold");
});

test("G6: a worker is replaced in its own room; when the new one does not fit, the old one stays", async () => {
  await using t = await testService(budgetOf(256));
  await t.service.ensure(ensureRequest(sized(128)), never);
  await assert.rejects(t.service.ensure(ensureRequest(sized(512)), never), { code: "MEMORY_EXHAUSTED" });
  assert.equal(t.runtime.count("destroy"), 0);
  assert.equal((await t.service.ensure(ensureRequest(sized(128)), never)).startKind, "warm");
  assert.equal((await t.service.ensure(ensureRequest(sized(256)), never)).startKind, "cold");
  assert.equal(t.runtime.workers.size, 1);
});

test("G6: workers that an agent finds at its start count with the memory that they say", async () => {
  await using t = await testService(budgetOf(384));
  await t.service.ensure(ensureRequest(sized(256)), never);
  await using after = await testService(budgetOf(384));
  for (const worker of t.runtime.workers.values()) after.runtime.put(worker);
  await after.service.synchronise(never);
  await assert.rejects(after.service.ensure(ensureRequest({ slot: 1, ...sized(129) }), never), {
    code: "MEMORY_EXHAUSTED",
  });
  await after.service.ensure(ensureRequest({ slot: 1 }), never);
});
