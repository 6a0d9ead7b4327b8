import type { FunctionSpec } from "../workers/runtime.ts";
import type { HostLimits } from "./host.ts";
import type { OciCpu, OciResources, OciRlimit } from "./types.ts";

/** Lambda gives one whole CPU at this much memory: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
const memoryOfOneCpuBytes = 1769 * 1024 ** 2;
const cpuPeriodUs = 100_000;
/** The kernel refuses less. */
const leastQuotaUs = 1000;
const leastShares = 2;
const mostShares = 262_144;
const sharesOfOneCpu = 1024;

const mostProcesses = 1024;
const mostFiles = 1024;

/**
 * CPU time in proportion to memory: `shares` weigh workers against each other when CPU is short, `quota` holds also
 * when it is not.
 */
export function cpuResources(memoryBytes: number): Required<OciCpu> {
  const cpus = memoryBytes / memoryOfOneCpuBytes;
  return {
    shares: Math.min(mostShares, Math.max(leastShares, Math.round(sharesOfOneCpu * cpus))),
    quota: Math.max(leastQuotaUs, Math.round(cpuPeriodUs * cpus)),
    period: cpuPeriodUs,
  };
}

/**
 * A worker's cgroup as it starts; what the host has no controller for is left out. The CPU quota follows once the
 * worker listens: as on Lambda, a runtime with little memory may use the whole machine to get ready, or it would take
 * many times as long.
 *
 * Without the pids controller the number of processes is bounded only by the memory limit and by the RLIMIT_NPROC
 * that the kernel gives everyone. An RLIMIT_NPROC of our own would be worse: it counts a user's processes on the whole
 * host, and most workers share one user, so one function could keep all others from starting a thread.
 */
export function buildResources(spec: FunctionSpec, host: HostLimits): OciResources {
  const limit = spec.memoryBytes;
  return {
    // The runtime itself allows the devices that every container has: null, zero, full, random, urandom, tty, pts.
    devices: [{ allow: false, access: "rwm" }],
    ...(host.controllers.has("memory") && { memory: { limit, ...(host.swapLimit && { swap: limit }) } }),
    ...(host.controllers.has("cpu") && { cpu: { shares: cpuResources(spec.memoryBytes).shares } }),
    ...(host.controllers.has("pids") && { pids: { limit: mostProcesses } }),
  };
}

/** A hard limit above the host's own would need a capability that the agent may not have. */
export function buildRlimits(host: HostLimits): OciRlimit[] {
  const files = Math.min(mostFiles, host.rlimitNofileHard);
  return [{ type: "RLIMIT_NOFILE", hard: files, soft: files }];
}
