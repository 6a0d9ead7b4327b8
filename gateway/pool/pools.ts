import type { FunctionDefinition, Functions } from "../functions/definition.ts";
import type { RemovalReason, WorkerInfo, WorkerListener } from "./agent.ts";
import { keepsIdle } from "./fairness.ts";
import { FunctionPool } from "./function-pool.ts";
import type { QueueLimits } from "./function-pool-options.ts";
import type { WorkerConnection } from "./lease.ts";
import { EnduringAgent } from "./outage.ts";
import { QueueBudget } from "./queue-budget.ts";
import { Room } from "./room.ts";
import type { SharedOptions } from "./slot-options.ts";
import type { Outlook } from "./slot-table.ts";
import type { StartGuard } from "./start-guard.ts";
import { WorkerStarter } from "./starter.ts";
import { Starts } from "./starts.ts";
import type { SlotStateKind } from "./state.ts";

export interface PoolsOptions<C extends WorkerConnection> extends SharedOptions<C>, Omit<QueueLimits, "queueBudget"> {
  /** How much the events of all waiting requests may take together. */
  readonly queueBytes: number;
  /** How many workers may be started at the same time. */
  readonly startsAtOnce: number;
  readonly guard: StartGuard;
  /** Whether an error of the agent says that the host has no room for another worker. */
  readonly isExhausted: (error: unknown) => boolean;
}

export interface PoolStatus {
  readonly function: string;
  readonly waiting: number;
  readonly workerStates: readonly SlotStateKind[];
  /** Workers that have gone so that another function could have one. */
  readonly evictions: number;
}

/** The pools of all functions: follows functions.yml on one side, the agent's word about workers on the other. */
export class Pools<C extends WorkerConnection> implements WorkerListener {
  readonly #pools = new Map<string, FunctionPool<C>>();
  readonly #create: (name: string, definition: FunctionDefinition | undefined) => FunctionPool<C>;
  readonly #queueBudget: QueueBudget;
  readonly #room: Room;
  #known = false;

  constructor(options: PoolsOptions<C>) {
    const { clock, guard, isExhausted } = options;
    const agent = new EnduringAgent(options.agent, options);
    const room = new Room(clock, this.#pools);
    this.#room = room;
    const starts = new Starts(options.startsAtOnce, guard);
    this.#queueBudget = new QueueBudget(options.queueBytes);
    const shared = {
      ...options,
      agent,
      room,
      starter: new WorkerStarter({ agent, guard, starts, room, isExhausted }),
      queueBudget: this.#queueBudget,
      known: () => this.#known,
    };
    this.#create = (name, definition) => new FunctionPool(name, definition, shared);
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
    this.#known = true;
    const byFunction = Map.groupBy(workers, (worker) => worker.function);
    for (const name of byFunction.keys()) if (!this.#pools.has(name)) this.#add(name, undefined);
    for (const [name, pool] of this.#pools) pool.onSnapshot(byFunction.get(name) ?? []);
    this.#sweep();
  }

  onChanged(worker: WorkerInfo): void {
    const pool = this.#pools.get(worker.function) ?? this.#add(worker.function, undefined);
    pool.onChanged(worker);
    this.#sweep();
  }

  onRemoved(worker: WorkerInfo, reason: RemovalReason): void {
    this.#pools.get(worker.function)?.onRemoved(worker, reason);
    this.#sweep();
  }

  /** What the events of all waiting requests take now. */
  get queuedBytes(): number {
    return this.#queueBudget.usedBytes;
  }

  /** What a function's next request could be served by; `crowded`: one worker more needs another's to go first. */
  outlook(functionName: string): Outlook & { readonly crowded: boolean } {
    const pool = this.#pools.get(functionName);
    if (pool === undefined) return { busy: 0, coming: false, growing: true, crowded: false };
    const { share } = pool;
    const givesWay = (other: FunctionPool<C>) =>
      other.outlook.coming && (other.leaving > 0 || !keepsIdle(other.share, share));
    const crowded = this.#room.wanted && ![...this.#pools.values()].some(givesWay);
    return { ...pool.outlook, crowded };
  }

  status(): PoolStatus[] {
    return [...this.#pools].map(([name, pool]) => ({
      function: name,
      waiting: pool.waiting,
      workerStates: pool.workerStates,
      evictions: pool.evictions,
    }));
  }

  #add(name: string, definition: FunctionDefinition | undefined): FunctionPool<C> {
    const pool = this.#create(name, definition);
    this.#pools.set(name, pool);
    return pool;
  }

  #sweep(): void {
    for (const [name, pool] of this.#pools) if (pool.finished) this.#pools.delete(name);
  }
}
