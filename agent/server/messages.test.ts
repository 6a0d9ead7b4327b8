import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Driver,
  Worker as ProtoWorker,
  RemovalReason,
  StartKind,
  WorkerState,
} from "../../proto/gen/esb/agent/v1/agent.ts";
import { identity, liveWorker } from "../workers/worker.fake.ts";
import type { WorkerChange } from "../workers/worker.ts";
import { startKinds, toMessage, toPhases, toWatchResponse } from "./messages.ts";

test("a worker survives the wire with all that is known of it", () => {
  const sent = ProtoWorker.decode(ProtoWorker.encode(toMessage(liveWorker({ slot: 3, createdAtMs: 1.6 }))).finish());
  assert.deepEqual(sent, {
    id: "hello-0",
    function: "hello",
    slot: 3,
    owner: "gateway",
    image: "localhost/hello:1",
    state: WorkerState.RUNNING,
    host: "10.63.0.2",
    port: 8080,
    pid: 100,
    instanceId: "instance-1",
    specDigest: "0123456789abcdef",
    createdAtMs: 2n,
    lastAccessMs: 1_700_000_000_000n,
    sourceAddress: "",
    tokenDigest: "",
    driver: Driver.HTTP,
  });
  assert.equal(toMessage(liveWorker({}, { state: "paused" })).state, WorkerState.PAUSED);
});

test("a worker without an address has none on the wire, and was used when it was begun", () => {
  const sent = toMessage({ state: "starting", identity: identity({ createdAtMs: 7 }) });
  assert.deepEqual(
    [sent.state, sent.host, sent.port, sent.pid, sent.lastAccessMs],
    [WorkerState.STARTING, "", 0, 0, 7n],
  );
});

test("L7: a worker is told with where it calls from and its token's digest, also while it starts", () => {
  const [tokenDigest, sourceAddress] = ["ab".repeat(32), "10.63.0.7"];
  const running = toMessage(liveWorker({ tokenDigest }, { sourceAddress }));
  const starting = toMessage({ state: "starting", identity: identity({ tokenDigest }), sourceAddress });
  for (const sent of [running, starting]) {
    assert.deepEqual([sent.sourceAddress, sent.tokenDigest], [sourceAddress, tokenDigest]);
  }
});

test("a start is told with its kind and its phases", () => {
  assert.deepEqual(startKinds, { warm: StartKind.WARM, thawed: StartKind.THAWED, cold: StartKind.COLD });
  const phases = { image: 1, snapshot: 2, network: 3, create: 4, start: 5, ready: 6 };
  assert.deepEqual(toPhases({ worker: liveWorker(), startKind: "cold", phases, totalMs: 22 }), {
    imageMs: 1,
    snapshotMs: 2,
    networkMs: 3,
    createMs: 4,
    startMs: 5,
    readyMs: 6,
    totalMs: 22,
  });
});

test("S6: a watcher hears of its own workers only, or of all", () => {
  const mine = liveWorker();
  const others = liveWorker({ id: "b-0", owner: "other" });
  const snapshot = { type: "snapshot", position: "e.2", workers: [others, mine] } as const;
  const ids = (owner: string | undefined) => {
    const event = toWatchResponse(snapshot, owner)?.event;
    return event?.$case === "snapshot" ? event.value.workers.map(({ id }) => id) : undefined;
  };
  assert.deepEqual([ids("gateway"), ids("nobody"), ids(undefined)], [["hello-0"], [], ["b-0", "hello-0"]]);

  const change = { type: "change", position: "e.3", change: { type: "changed", worker: others } } as const;
  assert.equal(toWatchResponse(change, "gateway"), undefined);
  assert.deepEqual(toWatchResponse(change, "other"), {
    position: "e.3",
    event: { $case: "changed", value: toMessage(others) },
  });
});

test("a removal is told with its reason and, where one is known, the exit status", () => {
  for (const [reason, expected, exitStatus] of [
    ["destroyed", RemovalReason.DESTROYED, undefined],
    ["exited", RemovalReason.EXITED, 0],
    ["out-of-memory", RemovalReason.OUT_OF_MEMORY, 137],
    ["replaced", RemovalReason.REPLACED, undefined],
    ["network-lost", RemovalReason.NETWORK_LOST, undefined],
  ] as const) {
    const change: WorkerChange = { type: "removed", worker: liveWorker(), reason, exitStatus };
    assert.deepEqual(toWatchResponse({ type: "change", position: "e.1", change }, undefined), {
      position: "e.1",
      event: { $case: "removed", value: { worker: toMessage(liveWorker()), reason: expected, exitStatus } },
    });
  }
});
