import assert from "node:assert/strict";
import { test } from "node:test";
import { identity, liveWorker } from "../workers/worker.fake.ts";
import { container, record } from "./observation.fake.ts";
import { observe, type Sources } from "./observe.ts";

const never = new AbortController().signal;

/** Sources with nothing to tell but what is given; whom was asked, in order. */
function sources(changes: Partial<Sources> = {}) {
  const asked: string[] = [];
  const answer = <T>(who: string, what: T) => {
    asked.push(who);
    return what;
  };
  const all: Sources = {
    table: { all: () => answer("table", []) },
    records: { all: () => answer("records", []) },
    readNamespace: async () => answer("containerd", { containers: [], tasks: [], snapshots: [] }),
    listLeases: async () => answer("leases", []),
    listLogs: async () => answer("logs", []),
    listCgroups: async () => answer("cgroups", []),
    isIntact: async () => true,
    ...changes,
  };
  return { all, asked };
}

test("S3: the agent's own word comes first: what is made meanwhile is not found half", async () => {
  const { all, asked } = sources();
  await observe(all, new Set(), never);
  assert.deepEqual(asked.slice(0, 2), ["table", "records"]);
  assert.equal(asked.length, 6);
});

test("S3: what has no worker's id is nobody's business, where only the id tells", async () => {
  const found = ["hello-0", "line-1-12.0123ab", "theirs", "a-0/b", "a-12345", "README", ""];
  const { all } = sources({
    listLogs: async () => found,
    listCgroups: async () => found,
    readNamespace: async () => ({ containers: [], tasks: found, snapshots: found }),
  });
  const seen = await observe(all, new Set(), never);
  for (const kind of ["logs", "cgroups", "snapshots"] as const) {
    assert.deepEqual(seen[kind], ["hello-0", "line-1-12.0123ab"], kind);
  }
});

test("S3: workers that are being made are told apart, and leases by when they were there first", async () => {
  const { all } = sources({
    table: { all: () => [{ state: "starting", identity: identity({ id: "b-0" }) }, liveWorker({ id: "a-0" })] },
    records: { all: () => [record("a-0")] },
    listLeases: async () => ["old", "new"],
  });
  const seen = await observe(all, new Set(["old", "over"]), never);
  assert.deepEqual([seen.starting, seen.live], [["b-0"], ["a-0"]]);
  assert.deepEqual(seen.records, [record("a-0")]);
  assert.deepEqual(seen.leases, [
    { id: "old", isFormer: true },
    { id: "new", isFormer: false },
  ]);
});

test("S3: the network is looked at of workers that could serve", async () => {
  const looked: string[] = [];
  const { all } = sources({
    readNamespace: async () => ({
      containers: [
        container("a-0"),
        container("b-0"),
        container("c-0", { state: "stopped" }),
        container("d-0", { attachmentId: undefined }),
      ],
      tasks: [],
      snapshots: [],
    }),
    isIntact: async (id) => {
      looked.push(id);
      return id !== "network of b-0";
    },
  });
  const { containers } = await observe(all, new Set(), never);
  assert.deepEqual(looked, ["network of a-0", "network of b-0"]);
  assert.deepEqual(
    containers.map(({ id, networkIntact }) => [id, networkIntact]),
    [
      ["a-0", true],
      ["b-0", false],
      ["c-0", true],
      ["d-0", true],
    ],
  );
});
