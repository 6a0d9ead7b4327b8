import type { FunctionDefinition, Functions } from "../functions/definition.ts";
import type { RemovalReason, WorkerInfo, WorkerListener } from "./agent.ts";
import { FunctionPool, type PoolOptions } from "./function-pool.ts";
import type { WorkerConnection } from "./lease.ts";
import type { SlotStateKind } from "./state.ts";

export interface PoolStatus {
  readonly function: string;
  readonly waiting: number;
  readonly workerStates: readonly SlotStateKind[];
}

/** The pools of all functions: follows functions.yml on one side, the agent's word about workers on the other. */
export class Pools<C extends WorkerConnection> implements WorkerListener {
  readonly #options: PoolOptions<C>;
  readonly #pools = new Map<string, FunctionPool<C>>();

  constructor(options: PoolOptions<C>) {
    this.#options = options;
  }

  /** The pool of a function that functions.yml has. */
  get(definition: FunctionDefinition): FunctionPool<C> {
    return this.#pools.get(definition.name) ?? this.#add(definition.name, definition);
  }

  /** Takes a new functions.yml over: workers of what has changed or gone are destroyed once they are idle. */
  onFunctions(functions: Functions): void {
    for (const [name, pool] of this.#pools) pool.redefine(functions.get(name));
    for (const [name, definition] of functions) if (!this.#pools.has(name)) this.#add(name, definition);
    this.#sweep();
  }

  onSnapshot(workers: readonly WorkerInfo[]): void {
    const ours = new Map(workers.filter((worker) => worker.slot === 0).map((worker) => [worker.function, worker]));
    for (const [name, pool] of this.#pools) pool.onSnapshot(ours.get(name));
    for (const worker of workers) if (!this.#pools.has(worker.function) || worker.slot !== 0) this.onChanged(worker);
    this.#sweep();
  }

  onChanged(worker: WorkerInfo): void {
    if (worker.slot !== 0) {
      this.#remove(worker);
      return;
    }
    const pool = this.#pools.get(worker.function) ?? this.#add(worker.function, undefined);
    pool.onChanged(worker);
    this.#sweep();
  }

  onRemoved(worker: WorkerInfo, reason: RemovalReason): void {
    if (worker.slot === 0) this.#pools.get(worker.function)?.onRemoved(worker, reason);
    this.#sweep();
  }

  status(): PoolStatus[] {
    return [...this.#pools].map(([name, pool]) => ({
      function: name,
      waiting: pool.waiting,
      workerStates: pool.workerStates,
    }));
  }

  #add(name: string, definition: FunctionDefinition | undefined): FunctionPool<C> {
    const pool = new FunctionPool(definition, this.#options);
    this.#pools.set(name, pool);
    return pool;
  }

  /** A worker of ours in a slot that this gateway does not use: left over from one that had more. */
  #remove(worker: WorkerInfo): void {
    if (worker.state !== "running" && worker.state !== "paused") return;
    this.#options.agent.destroy(worker).catch((error: unknown) => this.#options.onTrouble("destroy", worker, error));
  }

  #sweep(): void {
    for (const [name, pool] of this.#pools) if (pool.finished) this.#pools.delete(name);
  }
}
