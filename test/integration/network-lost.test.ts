import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { RemovalReason, StartKind } from "../../proto/gen/esb/agent/v1/agent.ts";
import { ask, probeRequest } from "../support/calls.ts";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { probeArchive } from "../support/images.ts";
import { assertNoTraces, tracesOf } from "../support/traces.ts";
import { removalOf, watch } from "../support/watcher.ts";

let esb: TestEsb;
before(async () => {
  esb = await startEsb({ archives: [await probeArchive()], settings: { ESB_NETWORK_POOL: "0" } });
});
after(() => esb?.[Symbol.asyncDispose]());

const ip = async (...args: string[]) => (await promisify(execFile)("ip", args)).stdout;

/** The one thing of its kind among the traces. */
async function trace(kind: string): Promise<string> {
  const found = (await tracesOf(esb)).filter((line) => line.startsWith(`${kind}: `));
  assert.equal(found.length, 1, found.join());
  return found[0]?.slice(kind.length + 2) ?? "";
}

for (const frozen of [false, true]) {
  const which = frozen ? "frozen" : "running";
  test(`S1: a ${which} worker whose network namespace is removed is told within a second, swept, and made anew`, async (t) => {
    const { worker } = await esb.workers.ensure(probeRequest(which));
    assert.ok(worker);
    if (frozen) await esb.workers.pause({ workerId: worker.id });
    await using watcher = watch(esb, { position: (await esb.workers.list({})).position });
    const namespace = await trace("network namespace");
    await ip("netns", "delete", namespace);
    const begun = performance.now();
    const removal = await watcher.first(removalOf(worker.id), 1000);
    t.diagnostic(`told after ${Math.round(performance.now() - begun)} ms`);
    assert.equal(removal.reason, RemovalReason.NETWORK_LOST);
    assert.equal(removal.worker?.instanceId, worker.instanceId);
    await assertNoTraces(esb);
    assert.equal(await ip("route", "show", worker.host), "");
    const next = await esb.workers.ensure(probeRequest(which));
    assert.equal(next.startKind, StartKind.COLD);
    assert.notEqual(next.worker?.host, worker.host);
    assert.deepEqual(await ask(next.worker, "echo", { a: 1 }), { a: 1 });
    await esb.workers.destroy({ workerId: worker.id });
    await assertNoTraces(esb);
  });
}

test("S1: our own releases are no losses: many workers come and go, and none is told as lost", async () => {
  await using watcher = watch(esb, { position: (await esb.workers.list({})).position });
  for (let round = 0; round < 3; round += 1) {
    const requests = Array.from({ length: 4 }, (_, slot) => ({ ...probeRequest("own"), slot }));
    const made = await Promise.all(requests.map((request) => esb.workers.ensure(request)));
    await Promise.all(made.map(({ worker }) => esb.workers.destroy({ workerId: worker?.id ?? "" })));
  }
  await until(async () => {
    const removals = watcher.lines().filter((line) => line.startsWith("removed"));
    assert.equal(removals.length, 12);
    assert.ok(
      removals.every((line) => line.endsWith(` ${RemovalReason.DESTROYED}`)),
      removals.join(),
    );
  }, patienceMs);
  const log = (await esb.agent.log()).split("\n");
  assert.ok(!log.some((line) => line.includes('"own-') && line.includes("removed from outside")));
});
