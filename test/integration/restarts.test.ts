import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { watchFrozen } from "../support/freezer.ts";
import { probeArchive, probeImage, staticServerArchive, staticServerImage } from "../support/images.ts";
import { killProcess } from "../support/process.ts";
import { assertPrompt } from "../support/slowness.ts";
import { failuresOf, one, steadily } from "../support/steady.ts";

/** Restarts of one part at a time, under load (S1, S4, S5). */

const functions = `
defaults: { timeout: 20, memory: 128, idle: { freezeAfterMs: -1 } }
functions:
  warm: { image: "${staticServerImage}" }
  slow: { image: "${probeImage}", memory: 512 }
  frozen: { image: "${staticServerImage}", idle: { freezeAfterMs: 100 } }
  ended: { image: "${staticServerImage}" }
  cold: { image: "${staticServerImage}" }
`;
const signals = ["SIGTERM", "SIGKILL"] as const;
/** Longest time to a refusal; the aim is 100 ms, and what was measured is told. */
const quicklyMs = 500;
/** Of what slow requests ask: longer than a restart takes. */
const sleepMs = 4000;
/** A machine that has no time to spare takes long to start a process. */
const startsWithinMs = 60_000;

let esb: TestEsb;
before(async () => {
  const archives = [await probeArchive(), await staticServerArchive()];
  esb = await startEsb({ archives, functions, settings: { ESB_NETWORK_POOL: "1" } });
});
after(() => esb?.[Symbol.asyncDispose]());

/** Everything warm, one frozen, nothing else. */
beforeEach(async () => {
  const { workers } = await esb.workers.list({});
  await Promise.all(workers.map(({ id }) => esb.workers.destroy({ workerId: id })));
  await until(async () => assert.deepEqual((await esb.workers.list({})).workers, []), patienceMs);
  for (const name of ["warm", "slow", "frozen", "ended"]) {
    const served = async () => assert.equal((await esb.invoke(name, { op: "echo" })).status, 200);
    await until(served, patienceMs);
  }
  await esb.waitForTask("frozen-0", "PAUSED");
});

const sleepLong = () => esb.invoke("slow", { op: "sleep", ms: sleepMs });

/** Container and first process of each worker. */
async function lives(): Promise<Record<string, string>> {
  const { workers } = await esb.workers.list({});
  return Object.fromEntries(workers.map(({ id, instanceId, pid }) => [id, `${instanceId} ${pid}`]));
}

const isReady = async () => assert.ok((await fetch(`${esb.url}/ready`)).ok);

async function assertNothingCold(): Promise<void> {
  // The gateway may hear of the agent a moment after we do, and a thaw needs it.
  await until(isReady, startsWithinMs);
  for (const [name, starts] of Object.entries({ warm: ["warm"], slow: ["warm"], frozen: ["thawed"] })) {
    const { status, start, body } = await one(() => esb.invoke(name, { op: "echo" }));
    assert.equal(status, 200, body);
    assert.ok(starts.includes(start ?? ""), `${name}: ${start}`);
  }
}

for (const signal of signals) {
  test(`S1: no request fails while the agent restarts (${signal}); every worker stays what it was`, async () => {
    const { ended: _, ...kept } = Object.fromEntries(
      Object.entries(await lives()).map(([id, life]) => [id.replace(/-\d+$/, ""), life]),
    );
    const endedPid = (await esb.workers.list({})).workers.find(({ id }) => id === "ended-0")?.pid ?? 0;
    const frozen = watchFrozen(esb.namespace, "frozen-0");
    const slow = one(sleepLong);
    const load = steadily(() => esb.invoke("warm"), 10);
    await load.more(10);

    await esb.agent.stop(signal);
    await killProcess(endedPid);
    await load.more(20);
    await esb.agent.start();
    await esb.agentReady();
    await load.more(21);

    const answers = await load.stop();
    assert.deepEqual(failuresOf(answers), []);
    assert.ok(answers.length > 50 && answers.every(({ start }) => start === "warm"));
    assert.deepEqual(failuresOf([await slow]), []);
    await frozen.assertAlways();
    await until(async () => assert.equal(await esb.taskState("ended-0"), undefined), patienceMs);
    const now = await lives();
    for (const [name, life] of Object.entries(kept)) assert.equal(now[`${name}-0`], life, name);
    await assertNothingCold();
  });

  test(`S4: pools are rebuilt after a restart of the gateway (${signal}); nothing goes cold`, async () => {
    const before = await lives();
    const frozen = watchFrozen(esb.namespace, "frozen-0");
    const slow = one(sleepLong);
    const metrics = async () => (await fetch(`${esb.url}/metrics`)).text();
    const isBusy = async () => assert.match(await metrics(), /^esb_workers\{function="slow",state="busy"\} 1$/m);
    await until(isBusy, startsWithinMs);
    await esb.gateway.stop(signal);
    const answer = await slow;
    // A gateway that is told to end lets what runs come to its end; one that is killed takes the connection along.
    assert.equal(answer.status, signal === "SIGTERM" ? 200 : 0, answer.body);
    await esb.gateway.start();
    await until(isReady, startsWithinMs);
    await frozen.assertAlways();
    if (signal === "SIGTERM") assert.deepEqual(await lives(), before);
    else {
      // The one that was left with a request serves nobody else (see in-flight.test.ts): another is made at once.
      const { "slow-0": left, ...kept } = before;
      await until(async () => {
        assert.match(await metrics(), /^esb_workers\{function="slow",state="idle"\} 1$/m);
        const now = await lives();
        assert.notEqual(now["slow-0"], left);
        assert.partialDeepStrictEqual(now, kept);
      }, patienceMs);
    }
    await assertNothingCold();
  });

  test(`S5: warm functions are served while containerd restarts (${signal}); others are told at once`, async (t) => {
    const lifesBefore = await lives();
    const slow = one(sleepLong);
    const load = steadily(() => esb.invoke("warm"), 10);
    await load.more(10);
    await (signal === "SIGTERM" ? esb.containerd.stop() : esb.containerd.kill());
    for (const name of ["cold", "frozen"]) {
      await delay(200);
      const response = await esb.invoke(name, { op: "echo" });
      const begunMs = performance.now();
      const refused = await one(() => esb.invoke(name, { op: "echo" }));
      t.diagnostic(`${name}: refused after ${refused.tookMs.toFixed(1)} ms`);
      assert.equal(response.status, 503, `${name}: ${await response.text()}`);
      assert.match(response.headers.get("retry-after") ?? "", /^\d+$/);
      assert.equal(refused.status, 503, refused.body);
      assertPrompt(performance.now() - begunMs, quicklyMs);
    }
    await esb.containerd.start();
    const works = async () => assert.equal((await esb.invoke("cold")).status, 200);
    await until(works, patienceMs, async (error) => `does not work again: ${error}`);
    await load.more(50);
    assert.deepEqual(failuresOf(await load.stop()), []);
    assert.deepEqual(failuresOf([await slow]), []);
    const now = await lives();
    for (const [id, life] of Object.entries(lifesBefore)) assert.equal(now[id], life, id);
    await assertNothingCold();
  });
}
