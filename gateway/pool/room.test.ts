import assert from "node:assert/strict";
import { test } from "node:test";
import type { Concurrency } from "../functions/definition.ts";
import { settled } from "../testing/fake-clock.ts";
import { ModelAgent } from "../testing/model-agent.ts";
import { definition, HostFull, setUpPools } from "../testing/pool-setup.ts";

/** Functions `a` and `b` on a host with room for so many workers. */
function setUp(workers: number, a: Partial<Concurrency> = {}, b: Partial<Concurrency> = {}) {
  const agent: ModelAgent = new ModelAgent(() => world.pools);
  agent.roomMib = workers * 128;
  const functions = [definition("1", "a", { max: 9, ...a }), definition("1", "b", { max: 9, ...b })];
  const world = setUpPools(functions, { agent });
  const count = (name: string) => [...agent.workers.values()].filter(({ info }) => info.function === name).length;
  return { ...world, agent, counts: () => [count("a"), count("b")] };
}

test("G6: the host is full: the least recently used worker of another function goes", async () => {
  const { lease, clock, counts } = setUp(2);
  const both = [await lease("a"), await lease("a")];
  both[1]?.release("done");
  await clock.advance(10);
  both[0]?.release("done");
  const served = await lease("b");
  assert.equal(served.start, "cold");
  assert.deepEqual(counts(), [1, 1]);
  assert.equal((await lease("a")).worker.instanceId, both[0]?.worker.instanceId, "the one used last has stayed");
});

test("G6: a frozen worker makes room too", async () => {
  const { lease, clock, counts } = setUp(1);
  (await lease("a")).release("done");
  await clock.advance(2000);
  await lease("b");
  assert.deepEqual(counts(), [0, 1]);
});

test("G6: all are busy: who waits gets the next worker that the greater user is done with, though others wait there", async () => {
  const { lease, poolOf, counts } = setUp(3);
  const flood = [await lease("a"), await lease("a"), await lease("a")];
  const more = poolOf("a").wait();
  const waiting = poolOf("b").wait();
  await settled();
  flood[0]?.release("done");
  const served = await waiting.turn;
  assert.equal(served.worker.function, "b");
  assert.deepEqual(counts(), [2, 1]);
  flood[1]?.release("done");
  assert.equal(
    (await more.turn).worker.instanceId,
    flood[1]?.worker.instanceId,
    "shares are fair: nothing more is taken",
  );
});

test("G6: two floods on a full host share it, and it stays so", async () => {
  const { agent, pools, poolOf, counts, clock } = setUp(4);
  let [served, running] = [0, true];
  const client = async (name: string) => {
    while (running) {
      const one = await poolOf(name).wait().turn;
      await settled();
      served++;
      one.release("done");
    }
  };
  const clients = [..."aaaaaa", ..."bbbbbb"].map((name) => client(name).catch(() => undefined));
  for (let step = 0; step < 100; step++) await clock.advance(10);
  const shares = counts();
  const instances = () => [...agent.workers.values()].map(({ info }) => info.instanceId);
  const before = new Set(instances());
  for (let step = 0; step < 100; step++) await clock.advance(10);
  const sharesLater = counts();
  const replaced = instances().filter((instance) => !before.has(instance));
  running = false;
  await clock.advance(100_000);
  await Promise.all(clients);
  assert.deepEqual([shares, sharesLater], Array(2).fill([2, 2]));
  assert.ok(replaced.length <= 1, `${replaced.length} workers were replaced in a second of hundreds of requests`);
  assert.ok(served > 100);
  assert.deepEqual(
    pools.status().map(({ waiting }) => waiting),
    [0, 0],
  );
});

test("G6: what is reserved is had, however many others want", async () => {
  const { lease, poolOf, counts } = setUp(3, {}, { reserved: 2 });
  const flood = [await lease("a"), await lease("a"), await lease("a")];
  const waiting = [poolOf("b").wait(), poolOf("b").wait()];
  await settled();
  flood[0]?.release("done");
  flood[1]?.release("done");
  await Promise.all(waiting.map(({ turn }) => turn));
  assert.deepEqual(counts(), [1, 2]);
});

test("G6: what is of min is not taken: where nothing else could ever go, the agent's error comes at once", async () => {
  const { poolOf, counts } = setUp(1, { min: 1 });
  await settled();
  await settled();
  await assert.rejects(poolOf("b").wait().turn, HostFull);
  assert.deepEqual(counts(), [1, 0]);
});

test("G6: nobody is done in time: the deadline is the end of waiting, and the claim goes with it", async () => {
  const { lease, poolOf, clock } = setUp(1);
  const busy = await lease("a");
  const refused = assert.rejects(poolOf("b").wait().turn, { reason: "queue-timeout" });
  await clock.advance(30_000);
  await refused;
  busy.release("done");
  assert.equal((await lease("a")).worker.instanceId, busy.worker.instanceId);
});

test("G6: room that others have made is found without a word of it", async () => {
  const { agent, lease, poolOf, clock } = setUp(1);
  await lease("a");
  const waiting = poolOf("b").wait();
  await settled();
  agent.roomMib = 2 * 128;
  await clock.advance(1000);
  assert.equal((await waiting.turn).start, "cold");
});

test("G6: room for one worker only, which another function keeps busy: who has none gets its turn all the same", async () => {
  const { poolOf, clock } = setUp(1);
  const servedAtMs: number[] = [];
  let running = true;
  const flood = async () => {
    while (running) {
      const one = await poolOf("a").wait().turn;
      await new Promise<void>((resolve) => clock.after(70, resolve));
      one.release("done");
    }
  };
  const floods = [flood(), flood()].map((ends) => ends.catch(() => undefined));
  await clock.advance(100);
  const served = poolOf("b")
    .wait()
    .turn.then((one) => {
      servedAtMs.push(clock.now());
      one.release("done");
    });
  for (let step = 0; step < 60; step++) await clock.advance(50);
  running = false;
  assert.equal(servedAtMs.length, 1);
  await clock.advance(60_000);
  await Promise.all([served, ...floods]);
});

test("G6: on a full host another's flood does not take the only worker of a function between two of its requests", async () => {
  const { lease, poolOf, clock, counts } = setUp(4);
  let light = await lease("a");
  for (const _ of "bbb") await lease("b");
  for (const _ of "bbbbb") {
    poolOf("b")
      .wait()
      .turn.catch(() => undefined);
  }
  for (let request = 0; request < 5; request++) {
    light.release("done");
    await clock.advance(900);
    const next = poolOf("a").tryLease();
    assert.ok(next, `request ${request} found no worker`);
    light = next;
  }
  light.release("done");
  await clock.advance(2500);
  assert.deepEqual(counts(), [0, 4], "once it has idled for a second it makes room");
});

test("G6: no more workers that were in use just now go than make shares equal", async () => {
  const { lease, poolOf, counts } = setUp(5);
  const many = [await lease("a"), await lease("a"), await lease("a"), await lease("a")];
  await lease("b");
  for (const one of many) one.release("done");
  for (const _ of "bbbbb") {
    poolOf("b")
      .wait()
      .turn.catch(() => undefined);
  }
  for (const _ of "1234") await settled();
  assert.deepEqual(counts(), [3, 2]);
});

for (const [min, crowded] of [
  [0, false],
  [1, true],
] as const) {
  test(`L1 G6: a full host with an idle worker of a function that keeps ${min}: crowded is ${crowded}`, async () => {
    const agent: ModelAgent = new ModelAgent(() => world.pools);
    agent.roomMib = 3 * 128;
    const functions = [definition("1", "a", { max: 9 }), definition("1", "b", { min }), definition("1", "c")];
    const world = setUpPools(functions, { agent });
    const idle = await world.lease("b");
    await world.lease("c");
    await world.lease("a");
    idle.release("done");
    const waiting = world.poolOf("a").wait();
    await settled();
    assert.equal(agent.refusals, 1);
    assert.equal(world.pools.outlook("a").crowded, crowded);
    waiting.leave();
    await assert.rejects(waiting.turn);
  });
}
