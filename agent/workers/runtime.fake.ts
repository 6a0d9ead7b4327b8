import { AgentError, type FunctionError } from "../errors.ts";
import { foreignContainer } from "./foreign.ts";
import type {
  Driver,
  Endpoint,
  MeasurePhase,
  RuntimeEvent,
  RuntimeState,
  RuntimeWorker,
  StartPhase,
  StartRequest,
  WorkerRuntime,
  WorkerStats,
} from "./runtime.ts";

/** A start is told by its phases, the last of which is called "start". */
type Call = Exclude<StartPhase, "ready"> | "inspect" | "list" | "pause" | "resume" | "destroy" | "limitCpu" | "stats";

/** What happens at a call, in place of nothing: it may wait, throw, or change what is there. */
export type Interference = (id: string, signal: AbortSignal | undefined) => Promise<unknown> | unknown;

/** Workers in memory, by the contract of WorkerRuntime. Nothing listens at their endpoint unless a test sees to it. */
export class FakeRuntime implements WorkerRuntime {
  readonly workers = new Map<string, RuntimeWorker>();
  /** Memory that each worker's share of CPU was last counted from. */
  readonly cpuLimits = new Map<string, number>();
  /** Every call, in order, such as "start hello-0". */
  readonly calls: string[] = [];
  readonly #interferences = new Map<Call, Interference>();
  readonly #endpoint: Endpoint;
  /** What was asked for, start by start. */
  readonly starts: StartRequest[] = [];
  /** Where workers' connections come from; undefined: nobody is told. */
  sourceAddress: string | undefined;
  /** How its workers are driven, and what their init phases come to, one after the other; then they are ready. */
  driver: Driver = "http";
  readonly inits: (() => Promise<FunctionError | undefined>)[] = [];
  /** What every worker's counters say. */
  oomKills = 0n;
  #pid = 100;
  #subscriber: EventStream | undefined;

  constructor(endpoint: Endpoint = { host: "127.0.0.1", port: 9 }) {
    this.#endpoint = endpoint;
  }

  /** From now on this happens at each such call, before it has any effect. */
  at(call: Call, interference: Interference): void {
    this.#interferences.set(call, interference);
  }

  /** How many such calls there were. */
  count(call: string): number {
    return this.calls.filter((entry) => entry.startsWith(`${call} `)).length;
  }

  /** Puts a worker there behind everybody's back. */
  put(worker: Partial<RuntimeWorker> & { id: string }): RuntimeWorker {
    this.#pid += 1;
    const complete = {
      ours: true,
      identity: undefined,
      state: "running" as const,
      endpoint: this.#endpoint,
      driver: this.driver,
      attachmentId: "attachment-1",
      pid: this.#pid,
      ...worker,
    };
    this.workers.set(complete.id, complete);
    return complete;
  }

  change(id: string, state: RuntimeState, exitStatus?: number): void {
    const worker = this.workers.get(id);
    if (worker !== undefined) this.workers.set(id, { ...worker, state, exitStatus });
  }

  emit(event: RuntimeEvent): void {
    this.#subscriber?.push(event);
  }

  /** Cuts the stream of events off: with an error, or as if it were complete. */
  breakEvents(error?: Error): void {
    this.#subscriber?.end(error);
  }

  get followed(): boolean {
    return this.#subscriber !== undefined;
  }

  async start(request: StartRequest, measure: MeasurePhase, signal: AbortSignal) {
    const { identity } = request;
    const { id } = identity;
    this.starts.push(request);
    signal.throwIfAborted();
    for (const phase of ["image", "network"] as const) {
      await measure(phase, () => this.#enter(phase, id, signal));
      signal.throwIfAborted();
    }
    const { sourceAddress, driver } = this;
    if (sourceAddress !== undefined) await request.onPlaced?.({ driver, endpoint: this.#endpoint, sourceAddress });
    if (this.workers.has(id)) throw new AgentError("CONTAINER_EXISTS", `there is a container ${id} already`);
    const worker = this.put({ id, identity, state: "created", sourceAddress });
    try {
      for (const phase of ["create", "snapshot", "start"] as const) {
        if (phase === "start") await request.onCreated?.([]);
        await measure(phase, () => this.#enter(phase, id, signal));
        signal.throwIfAborted();
      }
    } catch (error) {
      this.workers.delete(id);
      throw error;
    }
    const running = { ...worker, state: "running" as const, endpoint: this.#endpoint };
    this.workers.set(id, running);
    return running;
  }

  async inspect(id: string, signal: AbortSignal): Promise<RuntimeWorker | undefined> {
    await this.#enter("inspect", id, signal);
    return this.workers.get(id);
  }

  async list(signal: AbortSignal): Promise<RuntimeWorker[]> {
    await this.#enter("list", "all", signal);
    return [...this.workers.values()];
  }

  async pause(id: string, signal: AbortSignal): Promise<void> {
    await this.#enter("pause", id, signal);
    this.#live(id);
    this.change(id, "paused");
  }

  async kill(id: string): Promise<void> {
    this.calls.push(`kill ${id}`);
  }

  async limitCpu(id: string, memoryBytes: number): Promise<void> {
    await this.#enter("limitCpu", id, undefined);
    this.cpuLimits.set(id, memoryBytes);
  }

  async resume(id: string, signal: AbortSignal): Promise<void> {
    await this.#enter("resume", id, signal);
    this.#live(id);
    this.change(id, "running");
  }

  async destroy(id: string, graceMs: number, whose: "ours" | "anybody's" = "ours"): Promise<boolean> {
    await this.#enter("destroy", id, undefined, ` ${graceMs}`);
    if (whose === "ours" && this.workers.get(id)?.ours === false) throw foreignContainer(id);
    return this.workers.delete(id);
  }

  async initialised(): Promise<FunctionError | undefined> {
    return this.inits.shift()?.();
  }

  async isListener(): Promise<boolean> {
    return true;
  }

  async stats(id: string, signal: AbortSignal): Promise<WorkerStats> {
    await this.#enter("stats", id, signal);
    // The counters are there until the worker is removed.
    if (!this.workers.has(id)) throw new AgentError("WORKER_NOT_FOUND", `no worker ${id}`);
    const memory = { memoryUsageBytes: 2n, memoryPeakBytes: 4n, memoryLimitBytes: 3n };
    return { cpuUsageNs: 1n, ...memory, oomKills: this.oomKills, pids: 5n };
  }

  events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    const stream = new EventStream(signal);
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          this.#subscriber = stream;
          return stream.next();
        },
      }),
    };
  }

  async #enter(call: Call, id: string, signal: AbortSignal | undefined, details = ""): Promise<void> {
    this.calls.push(`${call} ${id}${details}`);
    await this.#interferences.get(call)?.(id, signal);
  }

  #live(id: string): void {
    const state = this.workers.get(id)?.state;
    if (state !== "running" && state !== "paused") throw new AgentError("WORKER_NOT_FOUND", `no running worker ${id}`);
  }
}

/** Waits until the signal aborts, as a call to containerd does that hangs. */
export function hang(_id: string, signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted === true) reject(new DOMException("The operation has been aborted", "AbortError"));
    signal?.addEventListener("abort", () => reject(new DOMException("The operation has been aborted", "AbortError")));
  });
}

class EventStream {
  readonly #events: RuntimeEvent[] = [];
  #waiting: PromiseWithResolvers<void> | undefined;
  #ended: { readonly error: Error | undefined } | undefined;

  constructor(signal: AbortSignal) {
    signal.addEventListener("abort", () => this.end(new DOMException("The operation has been aborted", "AbortError")));
  }

  push(event: RuntimeEvent): void {
    this.#events.push(event);
    this.#waiting?.resolve();
  }

  end(error: Error | undefined): void {
    this.#ended ??= { error };
    this.#waiting?.resolve();
  }

  async next(): Promise<IteratorResult<RuntimeEvent, undefined>> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) return { done: false, value: event };
      if (this.#ended?.error !== undefined) throw this.#ended.error;
      if (this.#ended !== undefined) return { done: true, value: undefined };
      this.#waiting = Promise.withResolvers<void>();
      await this.#waiting.promise;
    }
  }
}
