import { delay } from "../../common/delay.ts";
import type { Logger } from "../../common/logger.ts";
import { merged } from "../containerd/merged.ts";
import { AgentError } from "../errors.ts";
import type {
  ContainerRuntime,
  RuntimeEvent,
  RuntimeWorker,
  StartRequest,
  WorkerIdentity,
  WorkerPlace,
  WorkerRuntime,
} from "../workers/runtime.ts";
import { type AdmissionSettings, admissionOf } from "./admission.ts";
import { Admitted } from "./admitted.ts";
import type { RuntimeApi } from "./client.ts";

export interface RuntimeApiOptions {
  readonly api: RuntimeApi;
  readonly admission: AdmissionSettings;
  readonly logger: Pick<Logger, "warn" | "debug">;
}

/** A worker that the Runtime API is served to. */
interface Served {
  readonly instanceId: string;
  /** Undefined while it starts. */
  pid: number | undefined;
  /** An end that was told before the start had returned. */
  early: { readonly pid: number; readonly exitStatus: number } | undefined;
  /** Whether it is being ended: what happens to its processes then is no news. */
  ending?: true;
}

/** The last of the pauses between looks whether a worker is done; all of them are twice as long. */
const longestIdlePauseMs = 16;
/** After a list that failed though the process could be called. */
const retryMs = 200;

/**
 * Containers of which some are driven over the Runtime API (L3): who serves that is told of each before it starts and
 * when it has ended, and is asked before one is frozen. Its workers cannot outlive it: their runtimes' connections are
 * to it, and a frozen one could not even notice. So when it has been started anew, they are abandoned.
 */
export function withRuntimeApi(containers: ContainerRuntime, options: RuntimeApiOptions): WorkerRuntime {
  const { api, logger } = options;
  /** By worker's id. */
  const served = new Map<string, Served>();
  const admitted = new Admitted();

  const told = (worker: string, call: Promise<unknown>) =>
    call.catch((error: unknown) => {
      logger.debug({ err: error, worker }, "the process that serves the Runtime API could not be told of a worker");
    });

  function note<W extends RuntimeWorker | undefined>(worker: W): W {
    if (worker?.driver !== "runtime-api" || worker.identity === undefined) return worker;
    const { instanceId } = worker.identity;
    const lives = worker.state === "running" || worker.state === "paused";
    const known = served.get(worker.id);
    if (known?.instanceId !== instanceId) {
      served.set(worker.id, { instanceId, pid: lives ? worker.pid : undefined, early: undefined });
    } else if (lives) known.pid = worker.pid;
    return lives && admitted.lacks(instanceId) ? { ...worker, state: "stopped" } : worker;
  }

  async function forget(id: string): Promise<void> {
    const one = served.get(id);
    if (one === undefined) return;
    served.delete(id);
    admitted.remove(one.instanceId);
    await told(id, api.forget(one.instanceId));
  }

  async function start(request: StartRequest, ...rest: [Parameters<ContainerRuntime["start"]>[1], AbortSignal]) {
    const { id, instanceId } = request.identity;
    const [, signal] = rest;
    let place: WorkerPlace | undefined;
    let one: Served | undefined;
    const onPlaced: StartRequest["onPlaced"] = async (placed) => {
      // Containers that nobody could admit would only keep the process from coming back.
      if (placed.runtimeApi !== undefined) api.assertReachable();
      place = placed;
      await request.onPlaced?.(placed);
    };
    const onCreated: StartRequest["onCreated"] = async (extensions) => {
      if (place?.runtimeApi === undefined) return;
      one = { instanceId, pid: undefined, early: undefined };
      served.set(id, one);
      admitted.add(instanceId);
      await api.admit(admissionOf(request, place, extensions, options.admission), signal);
    };
    try {
      const worker = await containers.start({ ...request, onPlaced, onCreated }, ...rest);
      if (one !== undefined) {
        one.pid = worker.pid;
        if (one.early?.pid === worker.pid) void told(id, api.exited(instanceId, one.early.exitStatus));
      }
      return worker;
    } catch (error) {
      if (one !== undefined && served.get(id) === one) await forget(id);
      throw error;
    }
  }

  /** A runtime asks for the next invocation right behind its answer: that moment is waited for, longer work is not. */
  async function untilIdle(id: string, instanceId: string, signal: AbortSignal): Promise<void> {
    for (let pauseMs = 1; await api.isBusy(instanceId, signal); pauseMs *= 2) {
      if (pauseMs > longestIdlePauseMs) {
        throw new AgentError("WORKER_CONFLICT", `worker ${id} has not finished its last invocation`);
      }
      await delay(pauseMs, signal);
    }
  }

  /** As AWS, it gives time to nobody but extensions that have asked to be told. */
  async function graceOf(id: string, graceMs: number): Promise<number> {
    const one = served.get(id);
    if (one === undefined || graceMs === 0) return graceMs;
    const wanted = await api.shutdown(one.instanceId, graceMs).catch(() => false);
    return wanted ? graceMs : 0;
  }

  function noteExit({ id, pid, exitStatus }: RuntimeEvent & { readonly type: "exited" }): void {
    const one = served.get(id);
    if (one === undefined) return;
    if (one.pid === undefined) one.early = { pid, exitStatus };
    else if (one.pid === pid) void told(id, api.exited(one.instanceId, exitStatus));
  }

  /** @returns whether it is news of a worker that is to go on: ends of extensions are told late, too */
  function noteExtension({ id, instanceId, exitStatus }: RuntimeEvent & { readonly type: "extension-ended" }): boolean {
    const one = served.get(id);
    if (one?.instanceId !== instanceId || one.ending) return false;
    void told(id, api.extensionExited(instanceId, exitStatus));
    return true;
  }

  /** Compares what is admitted with what containerd has, each time the process can be called again. */
  async function* abandoned(signal: AbortSignal): AsyncGenerator<RuntimeEvent, void> {
    while (!signal.aborted) {
      try {
        await api.connected(signal);
        const found = await compare(signal);
        for (const { id, pid } of found) yield { type: "abandoned", id, pid };
        await api.disconnected(signal);
        if (served.size > 0) {
          logger.warn(
            { workers: served.size },
            "the process that serves the Runtime API has ended: its workers go too",
          );
        }
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ err: error }, "what the Runtime API is served to could not be read, trying again");
        await delay(retryMs, signal);
      } finally {
        admitted.unknown();
      }
    }
  }

  async function compare(signal: AbortSignal): Promise<{ readonly id: string; readonly pid: number }[]> {
    const listed = await admitted.read(() => api.list(signal));
    const present = await containers.list(signal);
    present.forEach(note);
    const known = new Set([...served.values()].map(({ instanceId }) => instanceId));
    // Of starts that an agent before us did not come to the end of.
    await Promise.all(listed.filter((one) => !known.has(one)).map((one) => told(one, api.forget(one))));
    return [...served].flatMap(([id, { instanceId, pid }]) =>
      pid !== undefined && admitted.lacks(instanceId) ? [{ id, pid }] : [],
    );
  }

  return {
    ...containers,
    start,
    async inspect(id, signal) {
      return note(await containers.inspect(id, signal));
    },
    async list(signal) {
      return (await containers.list(signal)).map(note);
    },
    async pause(id, signal) {
      const one = served.get(id);
      if (one !== undefined) await untilIdle(id, one.instanceId, signal);
      await containers.pause(id, signal);
    },
    async destroy(id, graceMs, whose) {
      const one = served.get(id);
      if (one !== undefined) one.ending = true;
      const existed = await containers.destroy(id, await graceOf(id, graceMs), whose);
      await forget(id);
      return existed;
    },
    initialised: ({ instanceId }: WorkerIdentity, signal) => api.waitReady(instanceId, signal),
    async *events(signal) {
      for await (const event of merged((life) => containers.events(life), [abandoned], signal)) {
        if (event.type === "exited") noteExit(event);
        if (event.type !== "extension-ended" || noteExtension(event)) yield event;
      }
    },
  };
}
