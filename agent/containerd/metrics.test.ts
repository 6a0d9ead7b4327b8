import assert from "node:assert/strict";
import { test } from "node:test";
import { Metrics as MetricsV1 } from "../../proto/gen/containerd/cgroups/v1/metrics.ts";
import { Metrics as MetricsV2 } from "../../proto/gen/containerd/cgroups/v2/metrics.ts";
import { AgentError } from "../errors.ts";
import { decodeMetrics } from "./metrics.ts";

const nothing = {
  cpuUsageNs: 0n,
  memoryUsageBytes: 0n,
  memoryPeakBytes: 0n,
  memoryLimitBytes: 0n,
  oomKills: 0n,
  pids: 0n,
};

const v1 = (limit: bigint) =>
  MetricsV1.encode({
    pids: { current: 3n, limit: 1024n },
    cpu: { usage: { total: 1_500_000n, kernel: 500_000n, user: 1_000_000n }, throttling: undefined },
    memory: { usage: { limit, usage: 4096n, max: 8192n, failcnt: 0n } },
    memoryOomControl: { oomKillDisable: 0n, underOom: 0n, oomKill: 2n },
  }).finish();

const v2 = (usageLimit: bigint) =>
  MetricsV2.encode({
    pids: { current: 3n, limit: 1024n },
    cpu: { usageUsec: 1500n, userUsec: 1000n, systemUsec: 500n, nrPeriods: 0n, nrThrottled: 0n, throttledUsec: 0n },
    memory: { usage: 4096n, usageLimit },
    memoryEvents: { low: 0n, high: 0n, max: 5n, oom: 2n, oomKill: 2n },
  }).finish();

const statsV2 = {
  cpuUsageNs: 1_500_000n,
  memoryUsageBytes: 4096n,
  memoryPeakBytes: 0n,
  memoryLimitBytes: 16_384n,
  oomKills: 2n,
  pids: 3n,
};
const stats = { ...statsV2, memoryPeakBytes: 8192n };

const rows = [
  { name: "cgroup v1", typeUrl: "io.containerd.cgroups.v1.Metrics", value: v1(16_384n), expected: stats },
  {
    name: "cgroup v1 behind a host name",
    typeUrl: "type.googleapis.com/io.containerd.cgroups.v1.Metrics",
    value: v1(16_384n),
    expected: stats,
  },
  {
    name: "cgroup v1 without a memory limit",
    typeUrl: "io.containerd.cgroups.v1.Metrics",
    value: v1(9_223_372_036_854_771_712n),
    expected: { ...stats, memoryLimitBytes: 0n },
  },
  { name: "cgroup v2", typeUrl: "io.containerd.cgroups.v2.Metrics", value: v2(16_384n), expected: statsV2 },
  {
    name: "cgroup v2 without a memory limit",
    typeUrl: "io.containerd.cgroups.v2.Metrics",
    value: v2(2n ** 64n - 1n),
    expected: { ...statsV2, memoryLimitBytes: 0n },
  },
  {
    name: "cgroup v1 without controllers",
    typeUrl: "io.containerd.cgroups.v1.Metrics",
    value: new Uint8Array(),
    expected: nothing,
  },
  {
    name: "cgroup v2 without controllers",
    typeUrl: "io.containerd.cgroups.v2.Metrics",
    value: new Uint8Array(),
    expected: nothing,
  },
];
for (const { name, typeUrl, value, expected } of rows) {
  test(name, () => assert.deepEqual(decodeMetrics({ typeUrl, value: Buffer.from(value) }), expected));
}

test("an unknown type is named", () => {
  assert.throws(
    () => decodeMetrics({ typeUrl: "example.com/Metrics", value: Buffer.alloc(0) }),
    (error) => error instanceof AgentError && error.message.includes("example.com/Metrics"),
  );
});
