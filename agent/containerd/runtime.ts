import { delay } from "../../common/delay.ts";
import { AgentError } from "../errors.ts";
import { cpuResources } from "../oci/resources.ts";
import type { ContainerRuntime, RuntimeEvent, RuntimeWorker, WorkerRuntime, WorkerStats } from "../workers/runtime.ts";
import { type ContainerdClient, isFailedPrecondition, isNotFound, isRefusal } from "./client.ts";
import { destroyWorker, killTask } from "./destroy.ts";
import { followContainerd } from "./events.ts";
import { createFreezer, type Freezer } from "./freezer.ts";
import { type HeartbeatOptions, whileAnswering } from "./heartbeat.ts";
import { inspectWorker, listWorkers } from "./inspect.ts";
import { merged } from "./merged.ts";
import { decodeMetrics } from "./metrics.ts";
import { PeakMemory } from "./peak-memory.ts";
import { createShims, type Shims } from "./shims.ts";
import { type StartParts, shimGroup, startWorker } from "./start.ts";

const heartbeatIntervalMs = 2000;
/** For a question that costs containerd nothing. */
const heartbeatWithinMs = 5000;

const resourcesType = "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources";

export interface ContainerdRuntimeOptions extends Omit<StartParts, "attached"> {
  /** Where the kernel shows containerd's control groups: /sys/fs/cgroup. */
  readonly cgroupRoot: string;
}

/** Workers as containerd containers, through its own API (W2). */
export function createContainerdRuntime(options: ContainerdRuntimeOptions): ContainerRuntime {
  const { client } = options;
  const parts: StartParts = { ...options, attached: new Map() };
  const shims = createShims({
    address: client.address,
    namespace: client.namespace,
    shimOf: (id, functionName) => shimGroup(parts, functionName) ?? id,
  });
  const noteSeen = ({ id, identity, attachmentId, state, pid }: RuntimeWorker) => {
    if (attachmentId !== undefined) parts.attached.set(id, attachmentId);
    if (identity !== undefined && (state === "running" || state === "paused"))
      shims.watch({ id, function: identity.function, pid });
  };
  const start: WorkerRuntime["start"] = async (request, measure, signal) => {
    const worker = await startWorker(parts, request, measure, signal);
    noteSeen(worker);
    return worker;
  };
  const freezer = createFreezer(options.cgroupRoot, client.namespace);
  const peaks = new PeakMemory(options.cgroupRoot, client.namespace);
  const look = async (id: string, signal: AbortSignal) => {
    const worker = await asTheKernelSays(freezer, await inspectWorker(client, id, signal));
    if (worker !== undefined) noteSeen(worker);
    return worker;
  };
  const list = async (signal: AbortSignal) => {
    const found = await listWorkers(client, signal);
    const workers = await Promise.all(found.map((worker) => asTheKernelSays(freezer, worker)));
    workers.forEach(noteSeen);
    return workers;
  };
  const destroy: WorkerRuntime["destroy"] = async (id, graceMs, whose) => {
    shims.forget(id);
    const existed = await destroyWorker(parts, id, graceMs, whose);
    peaks.forget(id);
    await shims.removeSocket(id);
    return existed;
  };
  const changing = { client, freezer };
  const told = async <T>(context: string, call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      throw client.translate(error, context);
    }
  };
  return {
    start,
    inspect: (id, signal) => told(`looking at ${id}`, look(id, signal)),
    list: (signal) => told("listing workers", list(signal)),
    pause: (id, signal) => change(changing, id, "paused", client.tasks.pause({ containerId: id }, { signal })),
    resume: (id, signal) => change(changing, id, "running", client.tasks.resume({ containerId: id }, { signal })),
    destroy: (id, graceMs, whose) => told(`destroying ${id}`, destroy(id, graceMs, whose)),
    kill: (id) => told(`ending ${id}`, killTask(client, id)),
    limitCpu: (id, memoryBytes) => told(`limiting the CPU time of ${id}`, limitCpu(parts, id, memoryBytes)),
    stats: (id, signal) => told(`measuring ${id}`, readStats({ client, peaks }, id, signal)),
    isListener: (endpoint, pid) => options.network.isListener(endpoint, pid),
    events: (signal): AsyncIterable<RuntimeEvent> =>
      merged(
        (life) => whileAnswering(heartbeatOf(client), (answering) => followContainerd(client, answering), life),
        [(life) => followLosses(parts, life), (life) => followShims(shims, life)],
        signal,
      ),
  };
}

/** Lost networks of workers that were seen; of those that were not, the next sweep will tell. */
async function* followLosses(
  { network, attached }: StartParts,
  signal: AbortSignal,
): AsyncGenerator<RuntimeEvent, void> {
  for await (const lost of network.losses(signal)) {
    for (const [id, attachmentId] of attached) {
      if (attachmentId === lost.id) yield { type: "network-lost", id, attachmentId };
    }
  }
}

async function* followShims(shims: Shims, signal: AbortSignal): AsyncGenerator<RuntimeEvent, void> {
  for await (const { id, pid } of shims.lost(signal)) yield { type: "abandoned", id, pid };
}

function heartbeatOf({ version, address }: ContainerdClient): HeartbeatOptions {
  return {
    ask: (signal) => version.version({}, { signal, deadline: heartbeatWithinMs }),
    delay,
    intervalMs: heartbeatIntervalMs,
    who: `containerd at ${address}`,
  };
}

/** containerd's word about a worker, with the kernel's about whether it is frozen. */
async function asTheKernelSays<W extends RuntimeWorker | undefined>(freezer: Freezer, worker: W): Promise<W> {
  if (worker?.state !== "running" && worker?.state !== "paused") return worker;
  const frozen = await freezer.isFrozen(worker.id);
  return frozen === undefined ? worker : { ...worker, state: frozen ? "paused" : "running" };
}

/**
 * Freezes or thaws. When containerd refuses because the task is that way already, that is a success; when it refuses
 * because its shim wrongly believes so, the kernel is told itself.
 */
async function change(
  { client, freezer }: { readonly client: ContainerdClient; readonly freezer: Freezer },
  id: string,
  wanted: "paused" | "running",
  call: Promise<unknown>,
): Promise<void> {
  try {
    await call;
  } catch (error) {
    const worker = await inspectWorker(client, id).catch(() => undefined);
    const frozen = await freezer.isFrozen(id);
    const isOpposite = frozen === (wanted === "running");
    if (worker?.state === wanted && !isOpposite) return;
    if (worker?.state !== "stopped" && isOpposite && isRefusal(error))
      return wanted === "running" ? freezer.thaw(id) : freezer.freeze(id);
    if (isNotFound(error) || worker?.state === "stopped")
      throw new AgentError("WORKER_NOT_FOUND", `there is no running worker ${id}`);
    if (isFailedPrecondition(error)) {
      throw new AgentError(
        "WORKER_CONFLICT",
        `worker ${id} is ${worker?.state ?? "not known"} and cannot become ${wanted}`,
      );
    }
    throw client.translate(error, `making ${id} ${wanted}`);
  }
}

async function limitCpu({ client, spec }: StartParts, containerId: string, memoryBytes: number): Promise<void> {
  if (!spec.limits.controllers.has("cpu")) return;
  const value = Buffer.from(JSON.stringify({ cpu: cpuResources(memoryBytes) }));
  await client.tasks.update({ containerId, resources: { typeUrl: resourcesType, value } });
}

async function readStats(
  { client, peaks }: { readonly client: ContainerdClient; readonly peaks: PeakMemory },
  id: string,
  signal: AbortSignal,
): Promise<WorkerStats> {
  const { metrics } = await client.tasks.metrics({ filters: [`id==${id}`] }, { signal });
  const data = metrics[0]?.data;
  if (data === undefined) throw new AgentError("WORKER_NOT_FOUND", `there is no running worker ${id}`);
  const stats = decodeMetrics(data);
  return { ...stats, memoryPeakBytes: await peaks.of(id, stats) };
}
