import assert from "node:assert/strict";
import { test } from "node:test";
import { container, observation, record } from "./observation.fake.ts";
import type { Observation } from "./observation.ts";
import { reconcile, type Trace, type WorkerAction } from "./reconcile.ts";

const adopt: WorkerAction = { id: "a-0", action: "adopt" };
const remove = (...traces: Trace[]): WorkerAction => ({ id: "a-0", action: "remove", reason: "exited", traces });
const lost: WorkerAction = {
  id: "a-0",
  action: "remove",
  reason: "network-lost",
  traces: ["memory", "record", "container", "task"],
};

const foreign = { ours: false, identity: undefined, endpoint: undefined, attachmentId: undefined };
const over = { state: "ERROR", reason: "exited", containerId: undefined } as const;
const inOrder = { live: ["a-0"], records: [record("a-0")], containers: [container("a-0")], tasks: ["a-0"] };
const paused = { ...inOrder, containers: [container("a-0", { state: "paused" })] };

for (const [what, seen, expected] of [
  ["nothing at all", {}, undefined],
  ["a running worker that everybody knows", inOrder, undefined],
  ["a frozen worker that everybody knows", { ...paused, records: [record("a-0", { state: "IDLE" })] }, undefined],
  ["its log, snapshot and cgroup", { ...inOrder, logs: ["a-0"], snapshots: ["a-0"], cgroups: ["a-0"] }, undefined],
  ["a running worker that the agent does not know", { ...inOrder, live: [] }, adopt],
  ["a running worker without a row", { ...inOrder, records: [] }, adopt],
  [
    "a running worker whose row is of an earlier one",
    { ...inOrder, records: [record("a-0", { instanceId: "x" })] },
    adopt,
  ],
  ["a running worker whose row says it is gone", { ...inOrder, records: [record("a-0", over)] }, adopt],
  ["a frozen worker whose row says that it runs", paused, adopt],

  ["a container that has ended", { containers: [container("a-0", { state: "stopped" })] }, remove("container")],
  ["a container that was never started", { containers: [container("a-0", { state: "created" })] }, remove("container")],
  [
    "a container that does not say who it is",
    { containers: [container("a-0", { identity: undefined })] },
    remove("container"),
  ],
  ["a worker whose network is gone", { ...inOrder, containers: [container("a-0", { networkIntact: false })] }, lost],
  [
    "one that has ended, and has no network",
    { containers: [container("a-0", { state: "stopped", networkIntact: false })] },
    remove("container"),
  ],

  ["a worker of which only the agent knows", { live: ["a-0"] }, remove("memory")],
  ["a row without a container", { records: [record("a-0")] }, remove("record")],
  ["a row that says why its worker went", { records: [record("a-0", over)] }, undefined],
  ["a snapshot", { snapshots: ["a-0"] }, remove("snapshot")],
  ["a log", { logs: ["a-0"] }, remove("log")],
  ["a cgroup", { cgroups: ["a-0"] }, remove("cgroup")],
  ["a task that a row knows", { records: [record("a-0")], tasks: ["a-0"] }, remove("record", "task")],
  [
    "a task that has a log, and its cgroup",
    { logs: ["a-0"], tasks: ["a-0"], cgroups: ["a-0"] },
    remove("log", "task", "cgroup"),
  ],
  [
    "everything but the container",
    { live: ["a-0"], records: [record("a-0")], tasks: ["a-0"], snapshots: ["a-0"], logs: ["a-0"], cgroups: ["a-0"] },
    remove("memory", "record", "snapshot", "log", "task", "cgroup"),
  ],

  [
    "a worker that is being made",
    { starting: ["a-0"], containers: [container("a-0", { state: "created" })], logs: ["a-0"] },
    undefined,
  ],
  ["a foreign container", { containers: [container("a-0", foreign)], tasks: ["a-0"], cgroups: ["a-0"] }, undefined],
  [
    "a foreign container that has ended",
    { containers: [container("a-0", { ...foreign, state: "stopped" })] },
    undefined,
  ],
  ["a foreign task, of which nothing of ours knows", { tasks: ["a-0"], cgroups: ["a-0"] }, undefined],
  [
    "a foreign container under the id of our row",
    { records: [record("a-0")], containers: [container("a-0", foreign)], logs: ["a-0"] },
    remove("record"),
  ],
] satisfies [string, Partial<Observation>, WorkerAction | undefined][]) {
  test(`S3: what becomes of ${what}`, () => {
    assert.deepEqual(reconcile(observation(seen)).workers, expected === undefined ? [] : [expected]);
  });
}

test("S3: leases from before this agent served are ended; its own are not", () => {
  const leases = [
    { id: "esb-pull-old", isFormer: true },
    { id: "esb-pull-new", isFormer: false },
  ];
  assert.deepEqual(reconcile(observation({ leases })).leases, ["esb-pull-old"]);
});

test("S3: attachments are in use for as long as a container of ours names them", () => {
  const containers = [
    container("a-0"),
    container("b-0", { state: "stopped" }),
    container("c-0", { attachmentId: undefined }),
    container("d-0", { ours: false }),
  ];
  const { attachmentsInUse } = reconcile(observation({ containers, records: [record("gone-0")] }));
  assert.deepEqual([...attachmentsInUse], ["network of a-0", "network of b-0"]);
});
