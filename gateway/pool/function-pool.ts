import type { FunctionDefinition } from "../functions/definition.ts";
import type { RemovalReason, WorkerInfo } from "./agent.ts";
import { Refusal } from "./errors.ts";
import type { Lease, WorkerConnection } from "./lease.ts";
import { type Waiting, WaitQueue } from "./queue.ts";
import { Slot } from "./slot.ts";
import type { SharedOptions } from "./slot-options.ts";
import type { SlotStateKind } from "./state.ts";

export interface QueueLimits {
  /** How many requests may wait for one function. */
  readonly queueLimit: number;
  /** How long each may wait, the cold start included. */
  readonly queueTimeoutMs: number;
}

export type PoolOptions<C extends WorkerConnection> = SharedOptions<C> & QueueLimits;

/** The workers of one function (one for now) and the requests that wait for them. */
export class FunctionPool<C extends WorkerConnection> {
  readonly #queue: WaitQueue<Lease<C>>;
  readonly #slot: Slot<C>;
  #wanted: boolean;

  /** @param definition undefined for a function that is gone and whose workers are to go too */
  constructor(definition: FunctionDefinition | undefined, options: PoolOptions<C>) {
    this.#wanted = definition !== undefined;
    this.#queue = new WaitQueue({
      limit: options.queueLimit,
      timeoutMs: options.queueTimeoutMs,
      clock: options.clock,
      onDeparture: () => {
        if (this.#queue.length === 0) this.#slot.cancelStart();
      },
    });
    this.#slot = new Slot(definition, {
      ...options,
      slot: 0,
      onChange: () => this.#serve(),
      onFailure: (error) => this.#queue.rejectAll(error),
    });
  }

  /** Takes a worker that is ready for a request, when nobody waits; undefined otherwise. */
  tryLease(): Lease<C> | undefined {
    return this.#queue.length === 0 ? this.#slot.lease() : undefined;
  }

  /**
   * Waits for a worker, starting one where there is none.
   * @param again for a request whose first worker never read it: it is not turned away for want of room
   * @throws Refusal `queue-full` at once; `turn` rejects with a Refusal or with the agent's error
   */
  wait(again = false): Waiting<Lease<C>> {
    const waiting = this.#queue.join(again);
    this.#serve();
    return waiting;
  }

  /** @param definition undefined: the function is gone; its worker goes when it is idle */
  redefine(definition: FunctionDefinition | undefined): void {
    this.#wanted = definition !== undefined;
    if (definition === undefined) this.#queue.rejectAll(new Refusal("removed", "the function has been removed"));
    this.#slot.redefine(definition);
    this.#serve();
  }

  onChanged(worker: WorkerInfo): void {
    this.#slot.onChanged(worker);
  }

  onRemoved(worker: WorkerInfo, reason: RemovalReason): void {
    this.#slot.onRemoved(worker, reason);
  }

  /** @param worker the agent's word on the slot's worker; undefined when there is none */
  onSnapshot(worker: WorkerInfo | undefined): void {
    if (worker === undefined || worker.instanceId !== this.#slot.instanceId) this.#slot.onMissing();
    if (worker !== undefined) this.#slot.onChanged(worker);
  }

  get waiting(): number {
    return this.#queue.length;
  }

  get workerStates(): readonly SlotStateKind[] {
    return [this.#slot.kind];
  }

  /** Nothing is left of a function that is gone. */
  get finished(): boolean {
    return !this.#wanted && this.#slot.kind === "absent";
  }

  #serve(): void {
    while (this.#queue.length > 0) {
      const lease = this.#slot.lease();
      if (lease === undefined) {
        this.#slot.prepare();
        return;
      }
      this.#queue.serve(lease);
    }
  }
}
