import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { StartKind } from "../../proto/gen/esb/agent/v1/agent.ts";
import { ensureRequest } from "../support/calls.ts";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { staticServerArchive } from "../support/images.ts";
import { assertNoTraces } from "../support/traces.ts";

let esb: TestEsb;

before(async () => {
  esb = await startEsb({ archives: [await staticServerArchive()], settings: { ESB_NETWORK_POOL: "0" } });
});
after(() => esb?.[Symbol.asyncDispose]());
afterEach(() => assertNoTraces(esb));

/** State and parent of a process as the kernel tells them; see proc_pid_stat(5). */
async function statOf(pid: number): Promise<{ state: string; parent: number } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  const [state, parent] = text?.slice(text.lastIndexOf(")") + 2).split(" ") ?? [];
  return state === undefined ? undefined : { state, parent: Number(parent) };
}

async function killShimOf(pid: number): Promise<void> {
  const stat = await statOf(pid);
  assert.ok(stat !== undefined);
  process.kill(stat.parent, "SIGKILL");
}

for (const frozen of [false, true]) {
  for (const afterMs of [0, 100]) {
    const what = frozen ? "frozen" : "running";
    test(`W8: a ${what} worker is gone ${afterMs} ms after its shim was killed`, async () => {
      const { worker } = await esb.workers.ensure(ensureRequest("dead"));
      if (frozen) await esb.workers.pause({ workerId: "dead-0" });
      await killShimOf(worker?.pid ?? 0);
      await delay(afterMs);
      await esb.workers.destroy({ workerId: "dead-0", graceMs: 200 });
      // A zombie has ended; whether somebody collects it is this machine's affair.
      assert.ok(["Z", undefined].includes((await statOf(worker?.pid ?? 0))?.state));
    });
  }
}

test("W6: an Ensure works right after the worker's shim was killed", async () => {
  const first = await esb.workers.ensure(ensureRequest("again"));
  await killShimOf(first.worker?.pid ?? 0);
  const second = await esb.workers.ensure(ensureRequest("again"));
  assert.equal(second.startKind, StartKind.COLD);
  assert.notEqual(second.worker?.instanceId, first.worker?.instanceId);
  await delay(500);
  assert.equal((await esb.workers.ensure(ensureRequest("again"))).startKind, StartKind.WARM, "and the new one stays");
  await esb.workers.destroy({ workerId: "again-0" });
});
