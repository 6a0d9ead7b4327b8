import { Metrics as MetricsV1 } from "../../proto/gen/containerd/cgroups/v1/metrics.ts";
import { Metrics as MetricsV2 } from "../../proto/gen/containerd/cgroups/v2/metrics.ts";
import type { Any } from "../../proto/gen/google/protobuf/any.ts";
import { AgentError } from "../errors.ts";
import type { WorkerStats } from "../workers/runtime.ts";

const nanosecondsPerMicrosecond = 1000n;
/** What cgroup v1 answers when there is no limit is the greatest multiple of a page below 2^63; v2: 2^64-1. */
const leastUnlimited = 2n ** 62n;

/**
 * A worker's statistics out of the answer of containerd's Tasks.Metrics. Numbers of controllers that the host lacks
 * are 0, and so is a memory limit when there is none.
 * @throws AgentError INTERNAL when the runtime answers with a type of its own
 */
export function decodeMetrics({ typeUrl, value }: Any): WorkerStats {
  // containerd's own types go by their bare name, others behind a host: type.googleapis.com/….
  switch (typeUrl.slice(typeUrl.lastIndexOf("/") + 1)) {
    case "io.containerd.cgroups.v1.Metrics":
      return fromV1(MetricsV1.decode(value));
    case "io.containerd.cgroups.v2.Metrics":
      return fromV2(MetricsV2.decode(value));
    default:
      throw new AgentError("INTERNAL", `the runtime's statistics are of the unknown type ${JSON.stringify(typeUrl)}`);
  }
}

function fromV1(metrics: MetricsV1): WorkerStats {
  return {
    cpuUsageNs: metrics.cpu?.usage?.total ?? 0n,
    memoryUsageBytes: metrics.memory?.usage?.usage ?? 0n,
    memoryPeakBytes: metrics.memory?.usage?.max ?? 0n,
    memoryLimitBytes: limited(metrics.memory?.usage?.limit),
    oomKills: metrics.memoryOomControl?.oomKill ?? 0n,
    pids: metrics.pids?.current ?? 0n,
  };
}

function fromV2(metrics: MetricsV2): WorkerStats {
  return {
    cpuUsageNs: (metrics.cpu?.usageUsec ?? 0n) * nanosecondsPerMicrosecond,
    memoryUsageBytes: metrics.memory?.usage ?? 0n,
    // Not in what containerd 1.6 knows of version 2.
    memoryPeakBytes: 0n,
    memoryLimitBytes: limited(metrics.memory?.usageLimit),
    oomKills: metrics.memoryEvents?.oomKill ?? 0n,
    pids: metrics.pids?.current ?? 0n,
  };
}

function limited(bytes = 0n): bigint {
  return bytes >= leastUnlimited ? 0n : bytes;
}
