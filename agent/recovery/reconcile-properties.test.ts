import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canServe } from "../workers/worker.ts";
import { container, observation, record } from "./observation.fake.ts";
import type { Observation } from "./observation.ts";
import { type Plan, reconcile } from "./reconcile.ts";

const ids = ["a-0", "a-1", "b-0", "c-0"];
const some = fc.subarray(ids);

const containers = some.chain((chosen) =>
  fc.tuple(
    ...chosen.map((id) =>
      fc
        .record(
          {
            ours: fc.boolean(),
            state: fc.constantFrom("created" as const, "running" as const, "paused" as const, "stopped" as const),
            networkIntact: fc.boolean(),
            isLegible: fc.boolean(),
          },
          { noNullPrototype: true },
        )
        .map(({ isLegible, ...rest }) => {
          const illegible = { identity: undefined, endpoint: undefined, attachmentId: undefined };
          return container(id, { ...rest, ...(isLegible && rest.ours ? {} : illegible) });
        }),
    ),
  ),
);

const records = some.chain((chosen) =>
  fc.tuple(
    ...chosen.map((id) =>
      fc
        .constantFrom(
          {},
          { state: "IDLE" as const },
          { instanceId: "an earlier one's" },
          { state: "ERROR" as const, reason: "exited", containerId: undefined },
        )
        .map((changes) => record(id, changes)),
    ),
  ),
);

const observations: fc.Arbitrary<Observation> = fc
  .record({
    starting: some,
    live: some,
    records,
    containers,
    tasks: some,
    snapshots: some,
    logs: some,
    cgroups: some,
    leases: some.chain((chosen) =>
      fc.tuple(...chosen.map((id) => fc.record({ id: fc.constant(id), isFormer: fc.boolean() }))),
    ),
  })
  // One that is being made is not at the same time there.
  .map((seen) => ({ ...seen, live: seen.live.filter((id) => !seen.starting.includes(id)) }));

/** What the plan says, done as the agent does it. */
function carryOut(seen: Observation, plan: Plan): Observation {
  const of = (action: "adopt" | "remove") => plan.workers.filter((one) => one.action === action).map(({ id }) => id);
  const [adopted, removed] = [of("adopt"), of("remove")];
  const isForeign = (id: string) => seen.containers.some((one) => one.id === id && !one.ours);
  const kept = (found: readonly string[]) => found.filter((id) => !removed.includes(id) || isForeign(id));
  const over = { state: "ERROR", reason: "swept", containerId: undefined } as const;
  const failed = seen.records.map((row) => (removed.includes(row.workerId) ? { ...row, ...over } : row));
  const states = { running: "ACTIVE", paused: "IDLE", created: "ERROR", stopped: "ERROR" } as const;
  return {
    ...seen,
    live: [...new Set([...seen.live.filter((id) => !removed.includes(id)), ...adopted])],
    records: [
      ...failed.filter((row) => !adopted.includes(row.workerId)),
      ...seen.containers
        .filter(({ id }) => adopted.includes(id))
        .map(({ id, state }) => record(id, { state: states[state] })),
    ],
    containers: seen.containers.filter(({ id }) => kept([id]).length > 0),
    tasks: kept(seen.tasks),
    snapshots: kept(seen.snapshots),
    logs: kept(seen.logs),
    cgroups: kept(seen.cgroups),
    leases: seen.leases.filter(({ id }) => !plan.leases.includes(id)),
  };
}

function holds(property: (seen: Observation, plan: Plan) => void): void {
  fc.assert(
    fc.property(observations, (seen) => property(seen, reconcile(seen))),
    { numRuns: 2000 },
  );
}

const actionOf = (plan: Plan, id: string) => plan.workers.filter((one) => one.id === id);

test("S3: nothing that runs or is frozen, is ours and can be reached is ever removed", () => {
  holds((seen, plan) => {
    for (const one of seen.containers.filter((found) => canServe(found) && found.networkIntact)) {
      assert.ok(actionOf(plan, one.id).every(({ action }) => action === "adopt"));
      assert.ok(one.attachmentId === undefined || plan.attachmentsInUse.has(one.attachmentId));
    }
  });
});

test("S3: every worker has one action at most, and what is being made has none", () => {
  holds((seen, plan) => {
    assert.equal(new Set(plan.workers.map(({ id }) => id)).size, plan.workers.length);
    for (const id of seen.starting) assert.deepEqual(actionOf(plan, id), []);
  });
});

test("S3: whatever bears our mark and belongs to a worker that is gone is removed, once", () => {
  holds((seen, plan) => {
    const present = new Set([...seen.containers.map(({ id }) => id), ...seen.starting]);
    const marked = [...seen.snapshots, ...seen.logs, ...seen.live].filter((id) => !present.has(id));
    for (const id of new Set(marked)) assert.equal(actionOf(plan, id).length, 1, id);
  });
});

test("S3: nothing without our mark is touched", () => {
  holds((seen, plan) => {
    const noted = new Set([...seen.records.map(({ workerId }) => workerId), ...seen.live]);
    for (const { id } of seen.containers.filter(({ ours }) => !ours)) {
      const traces = actionOf(plan, id).flatMap((one) => (one.action === "remove" ? one.traces : ["adopted"]));
      assert.ok(
        traces.every((trace) => trace === "record" || trace === "memory"),
        `${id}: ${traces}`,
      );
    }
    const ours = new Set([...noted, ...seen.snapshots, ...seen.logs, ...seen.containers.map(({ id }) => id)]);
    for (const id of seen.tasks.filter((task) => !ours.has(task))) assert.deepEqual(actionOf(plan, id), []);
    for (const lease of plan.leases) assert.ok(seen.leases.some(({ id, isFormer }) => id === lease && isFormer));
  });
});

test("S3: once it is carried out, there is nothing left to do", () => {
  holds((seen, plan) => {
    const after = carryOut(seen, plan);
    assert.deepEqual(reconcile(after).workers, []);
    assert.deepEqual(reconcile(after).leases, []);
  });
});

test("S2, S3: no row keeps a container id whose container is not there", () => {
  holds((seen, plan) => {
    const after = carryOut(seen, plan);
    const there = new Set(after.containers.filter(({ ours }) => ours).map(({ id }) => id));
    const pending = new Set(seen.starting);
    for (const { workerId, containerId } of after.records) {
      if (containerId !== undefined && !pending.has(workerId)) assert.ok(there.has(containerId), workerId);
    }
  });
});

test("S3: the order in which things are found does not matter", () => {
  holds((seen, plan) => {
    const reversed = Object.fromEntries(
      Object.entries(seen).map(([kind, found]) => [kind, found.toReversed()]),
    ) as unknown as Observation;
    const sorted = ({ workers }: Plan) => workers.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    assert.deepEqual(sorted(reconcile(observation(reversed))), sorted(plan));
  });
});
