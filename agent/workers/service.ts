import { AgentError } from "../errors.ts";
import { type EnsureParts, type EnsureRequest, type EnsureResult, ensureWorker } from "./ensure.ts";
import { ExitNotices } from "./exits.ts";
import { specDigest, workerId } from "./identity.ts";
import { KeyedLock } from "./lock.ts";
import type { RuntimeWorker, WorkerRuntime, WorkerStats } from "./runtime.ts";
import { SharedWork } from "./shared-work.ts";
import { WorkerTable } from "./table.ts";
import type { LiveWorker, RemovalReason, Worker } from "./worker.ts";

export interface WorkerServiceOptions {
  readonly runtime: WorkerRuntime;
  readonly readyTimeoutMs: number;
  readonly destroyGraceMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Names a worker, and with `instanceId` only that very one. */
export interface WorkerReference {
  readonly id: string;
  readonly instanceId: string | undefined;
}

/** What can be done with workers. Everything about one worker happens one after the other. */
export class WorkerService {
  readonly table = new WorkerTable();
  readonly exits = new ExitNotices();
  readonly #runtime: WorkerRuntime;
  readonly #options: WorkerServiceOptions;
  readonly #lock = new KeyedLock();
  readonly #ensuring = new SharedWork<EnsureResult>();

  constructor(options: WorkerServiceOptions) {
    this.#runtime = options.runtime;
    this.#options = options;
  }

  /**
   * W6. Callers for one worker and one spec share the work.
   * @throws AgentError of any kind; the signal's reason
   */
  ensure(request: EnsureRequest, signal: AbortSignal): Promise<EnsureResult> {
    const id = workerId(request.function.name, request.slot);
    const parts: EnsureParts = { ...this.#options, table: this.table, exits: this.exits };
    const work = async (shared: AbortSignal) => {
      using _lock = await this.#lock.acquire(id);
      shared.throwIfAborted();
      return await ensureWorker(parts, request, shared);
    };
    return this.#ensuring.run(`${id} ${request.owner} ${specDigest(request.function)}`, work, signal);
  }

  /**
   * W8. Breaks off an Ensure of this worker that is under way.
   * @returns whether there was a worker
   */
  async destroy(reference: WorkerReference, graceMs = this.#options.destroyGraceMs): Promise<boolean> {
    const { id, instanceId } = reference;
    if (instanceId === undefined) {
      this.#ensuring.abortWhere(
        (key) => key.startsWith(`${id} `),
        new AgentError("WORKER_CONFLICT", `worker ${id} was destroyed while it was being started`),
      );
    }
    using _lock = await this.#lock.acquire(id);
    const known = this.table.get(id);
    if (instanceId !== undefined && known?.identity.instanceId !== instanceId) return false;
    const existed = await this.#runtime.destroy(id, graceMs);
    this.table.remove(id, "destroyed");
    return existed;
  }

  /** W7. @throws AgentError WORKER_NOT_FOUND, WORKER_CONFLICT */
  pause(reference: WorkerReference, signal: AbortSignal): Promise<LiveWorker> {
    return this.#switch(reference, "paused", (id) => this.#runtime.pause(id, signal));
  }

  /** W7. @throws AgentError WORKER_NOT_FOUND, WORKER_CONFLICT */
  resume(reference: WorkerReference, signal: AbortSignal): Promise<LiveWorker> {
    return this.#switch(reference, "running", (id) => this.#runtime.resume(id, signal));
  }

  /** @throws AgentError WORKER_NOT_FOUND */
  stats(id: string, signal: AbortSignal): Promise<WorkerStats> {
    return this.#runtime.stats(id, signal);
  }

  /** Makes the table agree with what the runtime says now; stopped and half-made workers are removed. */
  async synchronise(signal: AbortSignal): Promise<void> {
    const found = await this.#runtime.list(signal);
    const ids = new Set([...found.map((worker) => worker.id), ...this.table.all().map((worker) => worker.identity.id)]);
    await Promise.all([...ids].map((id) => this.refresh(id, "exited", signal)));
  }

  /**
   * Looks at one worker anew, behind whatever is being done with it.
   * @param reason what to say when it turns out to be gone
   */
  async refresh(id: string, reason: RemovalReason, signal: AbortSignal, exitStatus?: number): Promise<void> {
    using _lock = await this.#lock.acquire(id);
    await this.#refresh(id, reason, signal, exitStatus);
  }

  /** Somebody froze or thawed a worker: most often we ourselves, and then there is nothing to look at. */
  async noticeState(id: string, state: LiveWorker["state"], signal: AbortSignal): Promise<void> {
    using _lock = await this.#lock.acquire(id);
    if (this.table.get(id)?.state !== state) await this.#refresh(id, "exited", signal);
  }

  async #refresh(id: string, reason: RemovalReason, signal: AbortSignal, exitStatus?: number): Promise<void> {
    const found = await this.#runtime.inspect(id, signal);
    const worker = found === undefined ? undefined : toLive(found);
    if (worker === undefined) {
      if (found !== undefined) await this.#runtime.destroy(id, 0);
      this.table.remove(id, reason, exitStatus);
    } else if (differs(this.table.get(id), worker)) this.table.set(worker);
  }

  async #switch(
    { id, instanceId }: WorkerReference,
    state: LiveWorker["state"],
    act: (id: string) => Promise<void>,
  ): Promise<LiveWorker> {
    using _lock = await this.#lock.acquire(id);
    const known = this.table.get(id);
    if (known === undefined || (instanceId !== undefined && known.identity.instanceId !== instanceId)) {
      const which = instanceId === undefined ? id : `${id} (${instanceId})`;
      throw new AgentError("WORKER_NOT_FOUND", `there is no worker ${which}`);
    }
    if (known.state !== "running" && known.state !== "paused") {
      throw new AgentError("WORKER_CONFLICT", `worker ${id} is ${known.state}`);
    }
    await act(id);
    const worker: LiveWorker = { ...known, state };
    if (differs(known, worker)) this.table.set(worker);
    return worker;
  }
}

/** @returns undefined for a container that cannot serve: ended, never started, or not made by us */
function toLive({ state, identity, endpoint, pid }: RuntimeWorker): LiveWorker | undefined {
  if (identity === undefined || endpoint === undefined) return undefined;
  return state === "running" || state === "paused" ? { state, identity, endpoint, pid } : undefined;
}

function differs(known: Worker | undefined, worker: LiveWorker): boolean {
  return (
    known === undefined ||
    known.state !== worker.state ||
    known.identity.instanceId !== worker.identity.instanceId ||
    known.pid !== worker.pid
  );
}
