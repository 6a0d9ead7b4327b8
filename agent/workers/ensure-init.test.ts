import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentError, type FunctionError } from "../errors.ts";
import type { FakeRuntime } from "./runtime.fake.ts";
import { changesOf, ensureRequest, never, testService } from "./service.fake.ts";

const failure: FunctionError = { errorType: "Runtime.X", errorMessage: "it is broken", payload: Buffer.from("{}") };

/** A service whose workers have a Lambda runtime; nothing ever listens at their endpoint. */
async function withRuntimes() {
  const logged: object[] = [];
  const logger = { warn: (fields: object) => logged.push(fields) } as never;
  const t = await testService({ listening: false, logger });
  t.runtime.driver = "runtime-api";
  return { t, logged, [Symbol.asyncDispose]: () => t[Symbol.asyncDispose]() };
}

const instances = ({ starts }: FakeRuntime) => starts.map(({ identity }) => identity.instanceId);

test("L3: a worker with a Lambda runtime is ready when its init phase has ended, whoever listens", async () => {
  await using setup = await withRuntimes();
  const { worker, startKind } = await setup.t.service.ensure(ensureRequest(), never);
  assert.deepEqual([worker.driver, startKind], ["runtime-api", "cold"]);
  assert.equal((await setup.t.service.ensure(ensureRequest(), never)).startKind, "warm");
});

test("L3: an init phase that failed is logged and tried once more, with a worker that is another instance", async () => {
  await using setup = await withRuntimes();
  const { t, logged } = setup;
  t.runtime.inits.push(async () => failure);
  const { worker } = await t.service.ensure(ensureRequest(), never);
  assert.deepEqual(
    t.runtime.starts.map(({ initAgain }) => initAgain),
    [false, true],
  );
  const [first, second, ...more] = instances(t.runtime);
  assert.deepEqual(more, []);
  assert.notEqual(first, second);
  assert.equal(worker.identity.instanceId, second);
  assert.equal(t.runtime.workers.size, 1);
  assert.deepEqual(logged, [{ worker: "hello-0", errorType: "Runtime.X", errorMessage: "it is broken" }]);
});

test("L3: one that failed twice is told with what its callers are to know, and leaves nothing", async () => {
  await using setup = await withRuntimes();
  const { t } = setup;
  const { position } = t.service.table;
  t.runtime.inits.push(
    async () => failure,
    async () => failure,
  );
  await assert.rejects(t.service.ensure(ensureRequest(), never), (error: unknown) => {
    assert.ok(error instanceof AgentError);
    assert.equal(error.code, "WORKER_INIT_FAILED");
    assert.deepEqual(error.functionError, failure);
    return true;
  });
  assert.equal(t.runtime.starts.length, 2);
  assert.equal(t.runtime.workers.size, 0);
  assert.match((await changesOf(t.service, position)).at(-1) ?? "", /^removed hello-0 exited$/);
});

for (const [what, exit, code, message] of [
  ["killed at its memory limit", { exitStatus: 137, outOfMemory: true }, "WORKER_OUT_OF_MEMORY", "signal: killed"],
  ["lost with its shim", { exitStatus: 137, outOfMemory: false, abandoned: true }, "RUNTIME_UNAVAILABLE", undefined],
] as const) {
  test(`L3: a runtime that is ${what} in its init phase is told as ${code}, and not tried again`, async () => {
    await using setup = await withRuntimes();
    const { t } = setup;
    t.runtime.inits.push(async () => {
      t.service.exits.announce("hello-0", t.runtime.workers.get("hello-0")?.pid ?? 0, exit);
      return Promise.withResolvers<undefined>().promise;
    });
    await assert.rejects(t.service.ensure(ensureRequest(), never), (error: unknown) => {
      assert.ok(error instanceof AgentError);
      assert.equal(error.code, code);
      assert.equal(error.functionError?.errorMessage, message && `Runtime exited with error: ${message}`);
      return true;
    });
    assert.equal(t.runtime.starts.length, 1);
  });
}
