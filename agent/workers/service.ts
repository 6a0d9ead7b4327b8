import type { Logger } from "../../common/logger.ts";
import { AgentError } from "../errors.ts";
import { Calm } from "./calm.ts";
import { type EnsureParts, type EnsureRequest, type EnsureResult, ensureWorker } from "./ensure.ts";
import { type Exit, ExitNotices } from "./exits.ts";
import { specDigest, workerId } from "./identity.ts";
import { KeyedLock } from "./lock.ts";
import type { WorkerRecords } from "./records.ts";
import type { RuntimeWorker, WorkerIdentity, WorkerRuntime, WorkerStats } from "./runtime.ts";
import { SharedWork } from "./shared-work.ts";
import { WorkerTable } from "./table.ts";
import { tellUnheardExits } from "./unheard-exits.ts";
import { canServe, isLive, type LiveWorker } from "./worker.ts";

export interface WorkerServiceOptions {
  readonly runtime: WorkerRuntime;
  readonly records: WorkerRecords;
  readonly memory: EnsureParts["memory"];
  readonly readyTimeoutMs: number;
  readonly destroyGraceMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly logger: Pick<Logger, "warn">;
}

/** Names a worker, and with `instanceId` only that very one. */
export interface WorkerReference {
  readonly id: string;
  readonly instanceId: string | undefined;
}

/** What a sweep knows of beside the runtime. */
export interface WorkerRemains {
  /** Whether the worker's network is there. */
  isReachable(worker: LiveWorker): Promise<boolean>;
  /** Whether anything bears the id of a worker that has no container. */
  isLeft(id: string): Promise<boolean>;
  /** Removes what bears the id of a worker whose container is gone. */
  remove(id: string): Promise<void>;
}

export type Recovery = "adopted" | "removed" | "unchanged";

/** How long a worker may run without its CPU limit while others start. */
const unlimitedMs = 1000;

/** What can be done with workers. Everything about one worker happens one after the other. */
export class WorkerService {
  readonly table: WorkerTable;
  readonly exits = new ExitNotices();
  readonly #runtime: WorkerRuntime;
  readonly #options: WorkerServiceOptions;
  readonly #lock = new KeyedLock();
  readonly #ensuring = new SharedWork<EnsureResult>();
  readonly #calm = new Calm();
  /** Instance that the CPU limit was set for, by worker id. */
  readonly #limited = new Map<string, string>();

  constructor(options: WorkerServiceOptions) {
    this.#runtime = options.runtime;
    this.#options = options;
    this.table = new WorkerTable(options.records);
  }

  /**
   * W6. Callers for one worker and one spec share the work.
   * @throws AgentError of any kind; the signal's reason
   */
  ensure(request: EnsureRequest, signal: AbortSignal): Promise<EnsureResult> {
    const id = workerId(request.function.name, request.slot, request.owner);
    const parts: EnsureParts = { ...this.#options, table: this.table, exits: this.exits };
    const work = async (shared: AbortSignal) => {
      using _lock = await this.#lock.acquire(id);
      shared.throwIfAborted();
      try {
        using _start = this.#calm.start();
        const result = await ensureWorker(parts, request, shared);
        void this.#limitCpu(result.worker.identity, request.function.memoryBytes);
        return result;
      } catch (error) {
        // Those who asked have gone: what failed besides that they went would be heard by nobody.
        if (shared.aborted && error !== shared.reason && !(error instanceof Error && error.name === "AbortError")) {
          this.#options.logger.warn({ err: error, worker: id }, "a start that was broken off failed");
        }
        throw error;
      }
    };
    return this.#ensuring.run(`${id} ${request.owner} ${specDigest(request.function)}`, work, signal);
  }

  /**
   * W8. Breaks off an Ensure of this worker that is under way.
   * @param signal lets the call be withdrawn until it begins; then it is carried through
   * @returns whether there was a worker
   */
  async destroy(
    reference: WorkerReference,
    graceMs = this.#options.destroyGraceMs,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const { id, instanceId } = reference;
    const before = this.table.get(id);
    // An Ensure that merely looks at the named worker, or waits to replace it, is not what the caller wants gone.
    if (instanceId === undefined || (before?.state === "starting" && before.identity.instanceId === instanceId)) {
      this.#ensuring.abortWhere(
        (key) => key.startsWith(`${id} `),
        new AgentError("WORKER_CONFLICT", `worker ${id} was destroyed while it was being started`),
      );
    }
    using _lock = await this.#lock.acquire(id);
    signal?.throwIfAborted();
    const known = this.table.get(id);
    if (instanceId !== undefined && known?.identity.instanceId !== instanceId) return false;
    const existed = await this.#runtime.destroy(id, graceMs);
    this.#limited.delete(id);
    this.table.remove(id, "destroyed");
    return existed;
  }

  /** W7. @throws AgentError WORKER_NOT_FOUND, WORKER_CONFLICT */
  pause(reference: WorkerReference, signal: AbortSignal): Promise<LiveWorker> {
    return this.#switch(reference, "paused", signal, (id) => this.#runtime.pause(id, signal));
  }

  /** W7. @throws AgentError WORKER_NOT_FOUND, WORKER_CONFLICT */
  resume(reference: WorkerReference, signal: AbortSignal): Promise<LiveWorker> {
    return this.#switch(reference, "running", signal, (id) => this.#runtime.resume(id, signal));
  }

  /** @throws AgentError WORKER_NOT_FOUND */
  stats(id: string, signal: AbortSignal): Promise<WorkerStats> {
    return this.#runtime.stats(id, signal);
  }

  /**
   * Makes table and records agree with what the runtime says now (S1, S3). What is left of workers that cannot serve is
   * not removed here: nobody has to wait for that. One that can't be looked at is logged and left as it is, and one that
   * something is being done with, say a start that waits for it to listen, is looked at behind that: neither holds up the
   * others.
   * @returns how many were taken on
   * @throws AgentError RUNTIME_UNAVAILABLE; the signal's reason
   */
  async synchronise(signal: AbortSignal): Promise<number> {
    const found = await this.#runtime.list(signal);
    const recorded = this.#options.records.all().filter(({ containerId }) => containerId !== undefined);
    const ids = new Set([
      ...found.map(({ id }) => id),
      ...this.table.all().map(({ identity }) => identity.id),
      ...recorded.map(({ workerId }) => workerId),
    ]);
    let adopted = 0;
    const logged = async (id: string, work: Promise<void>) => {
      try {
        await work;
      } catch (error) {
        if (signal.aborted || (error instanceof AgentError && error.code === "RUNTIME_UNAVAILABLE")) throw error;
        this.#options.logger.warn({ err: error, worker: id }, "a worker could not be brought into line");
      }
    };
    const look = async (id: string) => {
      using _lock = await this.#lock.acquire(id);
      const known = isLive(this.table.get(id));
      const { worker } = await this.#look(id, signal);
      if (worker !== undefined && !known) adopted += 1;
    };
    const { busy = [], idle = [] } = Object.groupBy(ids, (id) => (this.#lock.isHeld(id) ? "busy" : "idle"));
    const parts = { runtime: this.#runtime, exits: this.exits };
    const behind = busy.flatMap((id) => [logged(id, tellUnheardExits(parts, id, signal)), logged(id, look(id))]);
    // When the runtime goes away meanwhile, all are looked at anew once it is back.
    Promise.all(behind).catch(() => undefined);
    await Promise.all(idle.map((id) => logged(id, look(id))));
    return adopted;
  }

  /**
   * S3: for a worker that a sweep found something wrong with: takes it on when it can serve, else removes what is left
   * of it. What that is, is looked at afresh under the worker's lock: a start may have come in between.
   * @throws AgentError RUNTIME_UNAVAILABLE and whatever kept it from being removed; the signal's reason
   */
  async recover(id: string, remains: WorkerRemains, signal: AbortSignal): Promise<Recovery> {
    using _lock = await this.#lock.acquire(id);
    signal.throwIfAborted();
    const known = isLive(this.table.get(id));
    const recorded = this.#options.records.getContainerId(id) !== undefined;
    const { worker, isThere, isForeign } = await this.#look(id, signal, remains.isReachable);
    if (worker !== undefined) return known ? "unchanged" : "adopted";
    // A Destroy may have come in between as well.
    const isLeft = isThere || known || recorded || (await remains.isLeft(id));
    if (isForeign || !isLeft) return "unchanged";
    await this.#runtime.destroy(id, 0);
    await remains.remove(id);
    return "removed";
  }

  /** A worker's process has ended. Watchers hear of it before all of it is cleaned up. */
  async noticeExit(id: string, pid: number, exit: Exit): Promise<void> {
    this.exits.announce(id, pid, exit);
    using _lock = await this.#lock.acquire(id);
    const known = this.table.get(id);
    // Most often we ended it ourselves, or an Ensure that waited for it has already cleaned up.
    if (!isLive(known) || known.pid !== pid) return;
    this.table.remove(id, exit.outOfMemory ? "out-of-memory" : "exited", exit.exitStatus);
    this.#limited.delete(id);
    await this.#runtime.destroy(id, 0);
  }

  /** Somebody took a worker's network away: it runs, and nobody reaches it any more, or not for long. */
  async noticeNetworkLoss(id: string, attachmentId: string): Promise<void> {
    using _lock = await this.#lock.acquire(id);
    const known = this.table.get(id);
    // By its name, since a worker that came after it under the same id has a network of its own.
    if (!isLive(known) || known.attachmentId !== attachmentId) return;
    this.table.remove(id, "network-lost");
    this.#limited.delete(id);
    await this.#runtime.destroy(id, 0);
  }

  /** Somebody froze, thawed or removed a worker: most often we ourselves, and then there is nothing to look at. */
  async noticeState(id: string, state: LiveWorker["state"] | "removed", signal: AbortSignal): Promise<void> {
    using _lock = await this.#lock.acquire(id);
    const known = this.table.get(id);
    if (known !== undefined && known.state !== state) await this.#refresh(id, signal);
  }

  /** Behind the Ensure, which need not wait for it; once for each worker in this agent's life. */
  async #limitCpu({ id, instanceId }: WorkerIdentity, memoryBytes: number): Promise<void> {
    if (this.#limited.get(id) === instanceId) return;
    this.#limited.set(id, instanceId);
    await this.#calm.wait(unlimitedMs);
    using _lock = await this.#lock.acquire(id);
    if (this.table.get(id)?.identity.instanceId !== instanceId) return;
    try {
      await this.#runtime.limitCpu(id, memoryBytes);
    } catch (error) {
      this.#limited.delete(id);
      this.#options.logger.warn({ err: error, worker: id }, "the worker is not held to its share of CPU time");
    }
  }

  async #refresh(id: string, signal: AbortSignal): Promise<void> {
    const { worker, isForeign } = await this.#look(id, signal);
    // Also when its container is gone: somebody else who removed it knows nothing of its network and its log.
    if (worker === undefined && !isForeign) await this.#runtime.destroy(id, 0);
  }

  /** Makes the table say of a worker what the runtime does. */
  async #look(id: string, signal: AbortSignal, isReachable?: WorkerRemains["isReachable"]) {
    const found = await this.#runtime.inspect(id, signal);
    const worker = found === undefined ? undefined : toLive(found, this.#lastAccessMs(found));
    const isLost = worker !== undefined && isReachable !== undefined && !(await isReachable(worker));
    if (worker === undefined || isLost) this.table.remove(id, isLost ? "network-lost" : "exited", found?.exitStatus);
    else this.table.set(worker);
    return { worker: isLost ? undefined : worker, isThere: found !== undefined, isForeign: found?.ours === false };
  }

  /** As known, else as recorded of this very instance, else now. */
  #lastAccessMs({ id, identity }: RuntimeWorker): number {
    const known = this.table.get(id);
    if (isLive(known) && known.identity.instanceId === identity?.instanceId) return known.lastAccessMs;
    const recorded = this.#options.records.get(id);
    if (recorded !== undefined && recorded.instanceId === identity?.instanceId) return recorded.lastAccessMs;
    return this.#options.now();
  }

  async #switch(
    { id, instanceId }: WorkerReference,
    state: LiveWorker["state"],
    signal: AbortSignal,
    act: (id: string) => Promise<void>,
  ): Promise<LiveWorker> {
    using _lock = await this.#lock.acquire(id);
    signal.throwIfAborted();
    const known = this.table.get(id);
    if (known === undefined || (instanceId !== undefined && known.identity.instanceId !== instanceId)) {
      const which = instanceId === undefined ? id : `${id} (${instanceId})`;
      throw new AgentError("WORKER_NOT_FOUND", `there is no worker ${which}`);
    }
    if (!isLive(known)) throw new AgentError("WORKER_CONFLICT", `worker ${id} is ${known.state}`);
    await act(id);
    const worker: LiveWorker = { ...known, state, lastAccessMs: this.#options.now() };
    this.table.set(worker);
    return worker;
  }
}

/** @returns undefined for a container that cannot serve */
function toLive(found: RuntimeWorker, lastAccessMs: number): LiveWorker | undefined {
  if (!canServe(found)) return undefined;
  const { state, identity, endpoint, driver, pid, attachmentId, sourceAddress } = found;
  return { state, identity, endpoint, driver, pid, attachmentId, sourceAddress, lastAccessMs };
}
