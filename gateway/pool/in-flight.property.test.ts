import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Arbitrary,
  array,
  asyncProperty,
  boolean,
  assert as check,
  constantFrom,
  integer,
  oneof,
  record,
} from "fast-check";
import { FakeClock, settled } from "../testing/fake-clock.ts";
import { MemoryFile, reopened } from "../testing/memory-file.ts";
import { ModelAgent } from "../testing/model-agent.ts";
import { definition, type FakeConnection, poolOptions } from "../testing/pool-setup.ts";
import type { WorkerAgent, WorkerListener } from "./agent.ts";
import type { Lease } from "./lease.ts";
import { Pools } from "./pools.ts";

/** A gateway that is killed at any moment, again and again, before workers that go on with what they have been sent. */

type Event =
  | { readonly do: "request"; readonly settles: boolean }
  | { readonly do: "kill gateway" | "list" }
  | { readonly do: "answer"; readonly n: number; readonly timely: boolean }
  | { readonly do: "worker dies"; readonly slot: number }
  | { readonly do: "agent"; readonly away: boolean }
  | { readonly do: "advance"; readonly ms: number };

const events: Arbitrary<Event>[] = [
  record({ do: constantFrom("request" as const), settles: boolean() }),
  record({ do: constantFrom("request" as const), settles: boolean() }),
  record({ do: constantFrom("kill gateway" as const, "list" as const) }),
  record({ do: constantFrom("answer" as const), n: integer({ min: 0, max: 3 }), timely: boolean() }),
  record({ do: constantFrom("worker dies" as const), slot: integer({ min: 0, max: 2 }) }),
  record({ do: constantFrom("agent" as const), away: boolean() }),
  record({ do: constantFrom("advance" as const), ms: constantFrom(0, 1000, 1000, 11_000) }),
];

const wanted = definition("a", "f", { max: 3 });

/** One life of the gateway. What it has asked is done all the same, but it learns nothing and does nothing any more. */
class Life {
  readonly pools: Pools<FakeConnection>;
  readonly leases: Lease<FakeConnection>[] = [];
  #alive = true;
  #listed = false;

  constructor(agent: ModelAgent, clock: FakeClock, file: MemoryFile) {
    const { journal } = reopened(file, clock);
    this.kill = () => {
      this.#alive = false;
      journal[Symbol.dispose]();
    };
    const { options } = poolOptions({
      agent: this.#mortal(agent),
      clock: {
        now: () => clock.now(),
        epochMs: () => clock.epochMs(),
        after: (ms, callback) => clock.after(ms, () => this.#alive && callback()),
      },
      inFlight: journal,
    });
    this.pools = new Pools(options);
    this.pools.onFunctions(new Map([["f", wanted]]));
  }

  readonly kill: () => void;

  /** What the agent tells before it has listed the workers is lost: the list has it. */
  get listener(): WorkerListener | undefined {
    return this.#listed ? this.pools : undefined;
  }

  list(agent: ModelAgent): void {
    if (!agent.live) return;
    this.#listed = true;
    this.pools.onSnapshot([...agent.workers.values()].map(({ info }) => info));
  }

  request(onLease: (lease: Lease<FakeConnection>) => void): void {
    const take = (lease: Lease<FakeConnection>) => {
      if (!this.#alive) return;
      this.leases.push(lease);
      onLease(lease);
      lease.thaw?.done.catch(() => this.#alive && this.end(this.leases.indexOf(lease), "broken"));
    };
    const pool = this.pools.get(wanted);
    const lease = pool.tryLease();
    if (lease !== undefined) take(lease);
    else pool.wait().turn.then(take, () => undefined);
  }

  end(index: number, outcome: "done" | "broken"): Lease<FakeConnection> | undefined {
    const [lease] = index < 0 ? [] : this.leases.splice(index, 1);
    lease?.release(outcome);
    return lease;
  }

  #mortal(agent: ModelAgent): WorkerAgent {
    const ifAlive = <T>(result: Promise<T>): Promise<T> => {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      result.then(
        (value) => this.#alive && resolve(value),
        (error: unknown) => this.#alive && reject(error),
      );
      return promise;
    };
    return {
      get live() {
        return agent.live;
      },
      check: () => ifAlive(agent.check()),
      ensure: (...args) => ifAlive(agent.ensure(...args)),
      pause: (worker) => ifAlive(agent.pause(worker)),
      resume: (worker) => ifAlive(agent.resume(worker)),
      destroy: (worker) => ifAlive(agent.destroy(worker)),
    };
  }
}

class World {
  readonly clock = new FakeClock();
  readonly file = new MemoryFile(1);
  readonly agent = new ModelAgent(() => this.life.listener ?? silent);
  life: Life;
  /** Instances of workers that work on a request, whoever has sent it. */
  readonly working = new Set<string>();
  readonly twice: string[] = [];
  served = 0;

  constructor() {
    this.life = new Life(this.agent, this.clock, this.file);
  }

  act(event: Event): void | Promise<void> {
    switch (event.do) {
      case "request":
        this.life.request((lease) => this.#send(lease.worker.instanceId));
        return event.settles ? settled() : undefined;
      case "answer": {
        // One that is given up in time still works on it, until it is destroyed.
        const lease = this.life.end(Math.min(event.n, this.life.leases.length - 1), event.timely ? "done" : "broken");
        if (lease !== undefined && event.timely) this.working.delete(lease.worker.instanceId);
        return;
      }
      case "kill gateway":
        this.life.kill();
        this.life = new Life(this.agent, this.clock, this.file);
        return;
      case "list":
        return this.life.list(this.agent);
      case "worker dies":
        return this.agent.kill(`f-${event.slot}`);
      case "agent":
        return event.away ? this.agent.goAway() : this.agent.comeBack();
      case "advance":
        return this.clock.advance(event.ms);
    }
  }

  #send(instanceId: string): void {
    this.served++;
    if (this.working.has(instanceId)) this.twice.push(instanceId);
    this.working.add(instanceId);
  }
}

const silent: WorkerListener = {
  onSnapshot: () => undefined,
  onChanged: () => undefined,
  onRemoved: () => undefined,
};

test("G6 S4: wherever gateways are killed, no worker gets a request while it works on another; idle ones are kept", async () => {
  let served = 0;
  await check(
    asyncProperty(array(oneof(...events), { maxLength: 40, size: "max" }), async (story) => {
      const world = new World();
      for (const event of story) {
        await world.act(event);
        assert.deepEqual(world.twice, []);
      }
      // Left alone, with all requests answered, the next life takes every worker over that has none.
      await settled();
      world.agent.comeBack();
      const idle = [...world.agent.workers.values()]
        .map(({ info }) => info.instanceId)
        .filter((instanceId) => world.life.leases.every(({ worker }) => worker.instanceId !== instanceId))
        .filter((instanceId) => !world.working.has(instanceId));
      await world.act({ do: "kill gateway" });
      await world.act({ do: "list" });
      await settled();
      const there = [...world.agent.workers.values()].map(({ info }) => info.instanceId);
      assert.deepEqual(
        idle.filter((instanceId) => !there.includes(instanceId)),
        [],
      );
      assert.deepEqual(
        there.filter((instanceId) => world.working.has(instanceId)),
        [],
      );
      served += world.served;
    }),
    { numRuns: 300 },
  );
  assert.ok(served > 200, `${served} requests were served`);
});
