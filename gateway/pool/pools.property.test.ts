import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Arbitrary,
  array,
  asyncProperty,
  assert as check,
  constantFrom,
  integer,
  oneof,
  record,
} from "fast-check";
import type { FunctionDefinition } from "../functions/definition.ts";
import { settled } from "../testing/fake-clock.ts";
import { ModelAgent } from "../testing/model-agent.ts";
import { definition, type FakeConnection, poolOptions } from "../testing/pool-setup.ts";
import type { Lease, LeaseOutcome } from "./lease.ts";
import { Pools } from "./pools.ts";

/** Requests, answers, failures, removals, changes and outages in any order, over functions that share a full host. */

const names = ["a", "b"] as const;
type Name = (typeof names)[number];
const most: Readonly<Record<Name, number>> = { a: 3, b: 2 };

type Event =
  | { readonly do: "request" | "kill" | "fail" | "remove"; readonly name: Name; readonly n: number }
  | { readonly do: "change"; readonly name: Name; readonly n: number; readonly min: number }
  | { readonly do: "finish"; readonly n: number; readonly outcome: LeaseOutcome }
  | { readonly do: "leave"; readonly n: number }
  | { readonly do: "away" | "back" }
  | { readonly do: "room"; readonly workers: number }
  | { readonly do: "advance"; readonly ms: number };

const name = constantFrom(...names);
const n = integer({ min: 0, max: 5 });
const events: Arbitrary<Event>[] = [
  record({ do: constantFrom("request" as const), name, n }),
  record({ do: constantFrom("request" as const), name, n }),
  record({ do: constantFrom("request", "kill", "fail", "remove"), name, n }),
  record({ do: constantFrom("change" as const), name, n, min: integer({ min: 0, max: 2 }) }),
  record({
    do: constantFrom("finish" as const),
    n,
    outcome: constantFrom<LeaseOutcome>("done", "done", "done", "broken", "gone", "frozen"),
  }),
  record({ do: constantFrom("leave" as const), n }),
  record({ do: constantFrom("away", "back") }),
  record({ do: constantFrom("room" as const), workers: integer({ min: 1, max: 6 }) }),
  record({ do: constantFrom("advance" as const), ms: constantFrom(0, 60, 1000, 11_000, 400_000) }),
];

class World {
  readonly functions = new Map<string, FunctionDefinition>();
  readonly agent = new ModelAgent(() => this.pools);
  readonly clock;
  readonly pools: Pools<FakeConnection>;
  readonly leases: Lease<FakeConnection>[] = [];
  readonly waiting = new Set<() => void>();
  readonly #inUse = new Set<string>();
  /** Workers that were leased twice at once. */
  readonly #shared: string[] = [];

  constructor() {
    const { options, clock } = poolOptions({ queueLimit: 5 });
    this.clock = clock;
    this.pools = new Pools({ ...options, agent: this.agent });
    for (const one of names) this.define(one, 0, 0);
    this.pools.onSnapshot([]);
  }

  define(one: Name, image: number, min: number): void {
    this.functions.set(one, definition(`${image}`, one, { min, max: most[one] }));
    this.pools.onFunctions(new Map(this.functions));
  }

  request(one: Name): void {
    const wanted = this.functions.get(one);
    if (wanted === undefined) return;
    const pool = this.pools.get(wanted);
    const lease = pool.tryLease();
    if (lease !== undefined) {
      this.#take(lease);
      return;
    }
    try {
      const { turn, leave } = pool.wait();
      this.waiting.add(leave);
      void turn
        .then(
          (served) => this.#take(served),
          () => undefined,
        )
        .finally(() => this.waiting.delete(leave));
    } catch {
      // Too many wait: an end as well.
    }
  }

  finish(index: number, outcome: LeaseOutcome): void {
    const [lease] = this.leases.splice(index, 1);
    if (lease === undefined) return;
    this.#inUse.delete(lease.worker.instanceId);
    // An agent never says that a worker is gone which is there.
    if (outcome === "gone") this.agent.workers.delete(lease.worker.id);
    lease.release(outcome);
  }

  act(event: Event): void | Promise<void> {
    switch (event.do) {
      case "request":
        return this.request(event.name);
      case "kill":
        return this.agent.kill(`${event.name}-${event.n}`);
      case "fail":
        if (event.n < 3) this.agent.failing.add(event.name);
        else this.agent.failing.delete(event.name);
        return;
      case "remove":
        this.functions.delete(event.name);
        return this.pools.onFunctions(new Map(this.functions));
      case "change":
        return this.define(event.name, event.n, event.min);
      case "finish":
        return this.finish(event.n, event.outcome);
      case "leave":
        return [...this.waiting][event.n]?.();
      case "away":
        return this.agent.goAway();
      case "back":
        return this.agent.comeBack();
      case "room":
        this.agent.roomMib = event.workers * 128;
        return;
      case "advance":
        return this.clock.advance(event.ms);
    }
  }

  assertBounds(): void {
    assert.deepEqual(this.#shared, [], "one request per worker");
    for (const one of names) {
      const image = this.functions.get(one)?.image;
      const ours = this.leases.filter(({ definition: made }) => made.name === one && made.image === image);
      assert.ok(ours.length <= most[one], `${ours.length} of ${one} are busy`);
    }
  }

  async quiesce(): Promise<void> {
    this.agent.comeBack();
    this.agent.failing.clear();
    this.agent.roomMib = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 20; round++) {
      await this.clock.advance(1000);
      while (this.leases.length > 0) this.finish(0, "done");
    }
    await this.clock.advance(40_000);
    while (this.leases.length > 0) this.finish(0, "done");
    await this.clock.advance(40_000);
  }

  assertQuiet(): void {
    assert.equal(this.waiting.size, 0, "every request has ended");
    for (const { function: one, waiting, workerStates } of this.pools.status()) {
      assert.equal(waiting, 0);
      const left = workerStates.filter((state) => state !== "idle" && state !== "frozen");
      assert.deepEqual(left, [], `${one} has settled`);
    }
    for (const one of names) {
      const wanted = this.functions.get(one);
      const there = [...this.agent.workers.values()].filter(({ info }) => info.function === one);
      const known = this.pools.status().find((pool) => pool.function === one)?.workerStates.length ?? 0;
      assert.equal(known, there.length, `${one}: what the pool knows of is what there is`);
      assert.ok(there.length >= (wanted?.concurrency.min ?? 0), `min of ${one}`);
      assert.ok(there.length <= (wanted?.concurrency.max ?? 0), `max of ${one}`);
    }
  }

  #take(lease: Lease<FakeConnection>): void {
    if (this.#inUse.has(lease.worker.instanceId)) this.#shared.push(lease.worker.id);
    this.#inUse.add(lease.worker.instanceId);
    // A thaw that fails ends the request, as it does for an invocation.
    lease.thaw?.done.catch(() => {
      const index = this.leases.indexOf(lease);
      if (index >= 0) this.finish(index, "broken");
    });
    this.leases.push(lease);
  }
}

test("G6: whatever happens, one request per worker, never more than max, every request ends, nothing is left over", async () => {
  await check(
    asyncProperty(array(oneof(...events), { maxLength: 60 }), async (story) => {
      const world = new World();
      for (const event of story) {
        await world.act(event);
        world.assertBounds();
        if (event.do !== "request") await settled();
        world.assertBounds();
      }
      await world.quiesce();
      world.assertQuiet();
    }),
    { numRuns: 150 },
  );
});
