import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { probeArchive, probeImage, staticServerArchive, staticServerImage } from "../support/images.ts";
import { killEverything, losePower } from "../support/reboot.ts";
import { mendSnapshotter } from "../support/snapshotter.ts";
import { failuresOf, one } from "../support/steady.ts";
import { assertNoTraces } from "../support/traces.ts";

/** Everything at once: all processes killed, and a loss of power (S1, S3, W5). */

const names = ["one", "two", "frozen", "busy"];
const functions = `
defaults: { timeout: 20, memory: 128, idle: { freezeAfterMs: -1 } }
functions:
  one: { image: "${staticServerImage}" }
  two: { image: "${staticServerImage}" }
  frozen: { image: "${staticServerImage}", idle: { freezeAfterMs: 0 } }
  busy: { image: "${probeImage}", memory: 512 }
`;

let esb: TestEsb;
before(async () => {
  const archives = [await probeArchive(), await staticServerArchive()];
  esb = await startEsb({ archives, functions, settings: { ESB_NETWORK_POOL: "0" } });
});
after(() => esb?.[Symbol.asyncDispose]());

/** With the gateway gone, nobody makes new workers, and those that are there can be counted. */
afterEach(async () => {
  await esb.gateway.stop("SIGTERM");
  await esb.agentReady();
  const { workers } = await esb.workers.list({});
  assert.deepEqual(workers.map(({ function: name }) => name).sort(), [...names].sort());
  await Promise.all(workers.map(({ id }) => esb.workers.destroy({ workerId: id, graceMs: 500 })));
  await assertNoTraces(esb);
  await esb.gateway.start();
});

const disasters: Record<string, (esb: TestEsb) => Promise<void>> = {
  "everything was killed at once": killEverything,
  "a reboot": losePower,
};
for (const [what, strike] of Object.entries(disasters)) {
  test(`S1 S3: after ${what} the first invocation of each function works, and nothing old is left`, async (t) => {
    await until(async () => assert.ok((await fetch(`${esb.url}/ready`)).ok), patienceMs);
    for (const name of names) assert.deepEqual(failuresOf([await one(() => esb.invoke(name, { op: "echo" }))]), []);
    await esb.waitForTask("frozen-0", "PAUSED");
    const old = (await esb.workers.list({})).workers.map(({ instanceId }) => instanceId);
    const running = one(() => esb.invoke("busy", { op: "sleep", ms: 5000 }));

    await strike(esb);
    assert.equal((await running).status, 0, "the gateway took the connection along");
    await Promise.all([esb.containerd.start(), esb.agent.start(), esb.gateway.start()]);
    await mendSnapshotter(esb);
    await until(async () => assert.ok((await fetch(`${esb.url}/ready`)).ok), patienceMs);

    for (const name of names) {
      const answer = await one(() => esb.invoke(name, { op: "echo" }));
      t.diagnostic(`${name}: ${answer.start} after ${answer.tookMs.toFixed(0)} ms`);
      assert.deepEqual(failuresOf([answer]), [], name);
    }
    await esb.agentReady();
    const { workers } = await esb.workers.list({});
    assert.deepEqual(
      workers.filter(({ instanceId }) => old.includes(instanceId)),
      [],
    );
  });
}
