import { type FunctionDefinition, sameDefinition } from "../functions/definition.ts";
import type { RemovalReason, WorkerInfo } from "./agent.ts";
import { Refusal } from "./errors.ts";
import type { Share } from "./fairness.ts";
import type { FunctionPoolOptions } from "./function-pool-options.ts";
import type { Lease, WorkerConnection } from "./lease.ts";
import { MinKeeper } from "./min-keeper.ts";
import { type IdleLimits, idleLimitsOf } from "./policy.ts";
import { type Arrival, type Waiting, WaitQueue } from "./queue.ts";
import { Replacements } from "./replacements.ts";
import type { RoomHolder } from "./room.ts";
import { leastRecent, missingForMin, missingForWaiting, mostRecent, needlessStarts, surplus } from "./selection.ts";
import { Slot } from "./slot.ts";
import type { SlotOwner } from "./slot-options.ts";
import { isFrozen, isPreparable, isQueuedForMin, isUnused, type Outlook, SlotTable, willServe } from "./slot-table.ts";
import type { StartPriority } from "./starts.ts";
import type { SlotStateKind } from "./state.ts";

/** After a failed start while others of the function's workers go on. */
const growAgainAfterMs = 1000;

/** The workers of one function and the requests that wait for them. */
export class FunctionPool<C extends WorkerConnection> implements SlotOwner<C>, RoomHolder {
  readonly #options: FunctionPoolOptions<C>;
  readonly #name: string;
  readonly #queue: WaitQueue<Lease<C>>;
  readonly #slots: SlotTable<C>;
  /** Running and unused, the most recently used last. */
  readonly #idle: Slot<C>[] = [];
  readonly #min: MinKeeper;
  readonly #replacements = new Replacements();
  #definition: FunctionDefinition | undefined;
  #limits: IdleLimits;
  /** There may be more workers than `max`. */
  #crowded = false;
  #growthHeld = false;
  #evictions = 0;
  /** A list of the agent is being taken over: who is served, and what is lacking, is seen once all of it is. */
  #listing = false;

  /** @param definition undefined for a function that is gone and whose workers are to go too */
  constructor(name: string, definition: FunctionDefinition | undefined, options: FunctionPoolOptions<C>) {
    this.#name = name;
    this.#definition = definition;
    this.#options = options;
    this.#limits = idleLimitsOf(definition?.idle, options.limits);
    this.#min = new MinKeeper(options.clock, () => this.#restoreMin());
    const onStarted: typeof options.onStarted = (started) => {
      this.#min.onStarted();
      this.#replacements.onStarted();
      options.onStarted(started);
    };
    const onFoundBusy: typeof options.onFoundBusy = (worker) => {
      this.#replacements.onFoundBusy();
      if (!this.#listing) this.#replacements.onListed(this.#slots.present());
      options.onFoundBusy(worker);
    };
    const limits = () => this.#limits;
    this.#slots = new SlotTable((slot) => new Slot({ ...options, slot, owner: this, limits, onStarted, onFoundBusy }));
    this.#queue = new WaitQueue({
      limit: options.queueLimit,
      timeoutMs: options.queueTimeoutMs,
      budget: options.queueBudget,
      clock: options.clock,
      onDeparture: () => this.#cancelNeedless(true),
    });
    this.#restoreMin();
  }

  /** Takes a worker that is ready for a request, when nobody waits; undefined otherwise. */
  tryLease(): Lease<C> | undefined {
    return this.#queue.length === 0 ? this.#lease() : undefined;
  }

  /**
   * Waits for a worker, starting one where that helps.
   * @throws Refusal `queue-full` at once; `turn` rejects with a Refusal or with the agent's error
   */
  wait(arrival: Arrival = {}): Waiting<Lease<C>> {
    const waiting = this.#queue.join(arrival, (turnAway) => {
      if (this.#options.agent.live) return;
      // Who comes while the agent is away is told at once, unless a worker that is busy now will do.
      this.#options.agent.check().catch((error: unknown) => {
        if (!this.#slots.some(({ kind, retired }) => kind === "busy" && !retired)) turnAway(error);
      });
    });
    this.#serve();
    return waiting;
  }

  /** @param definition undefined: the function is gone; its workers go when they are idle */
  redefine(definition: FunctionDefinition | undefined): void {
    if (!sameDefinition(this.#definition, definition)) this.#replacements.forget();
    this.#definition = definition;
    this.#limits = idleLimitsOf(definition?.idle, this.#options.limits);
    this.#min.forgive();
    this.#growthHeld = false;
    if (definition === undefined) this.#queue.rejectAll(new Refusal("removed", "the function has been removed"));
    for (const slot of this.#slots) slot.retire(!sameDefinition(slot.definition, definition));
    this.#trim();
    this.onChange();
  }

  onChanged(worker: WorkerInfo): void {
    this.#slots.get(worker.slot).onChanged(worker, this.#definition);
    this.#trim();
  }

  onRemoved(worker: WorkerInfo, reason: RemovalReason): void {
    this.#slots.find(worker.slot)?.onRemoved(worker, reason);
  }

  /** @param workers all of the function's that there are */
  onSnapshot(workers: readonly WorkerInfo[]): void {
    // The agent is back: what has failed while it was away says nothing.
    this.#min.forgive();
    this.#listing = true;
    const told = new Set(workers.map(({ instanceId }) => instanceId));
    for (const slot of this.#slots) if (slot.instanceId !== undefined && !told.has(slot.instanceId)) slot.onMissing();
    for (const worker of workers) this.#slots.get(worker.slot).onChanged(worker, this.#definition);
    this.#listing = false;
    this.#replacements.onListed(this.#slots.present());
    this.#trim();
    this.onChange();
  }

  get waiting(): number {
    return this.#queue.length;
  }

  get workerStates(): readonly SlotStateKind[] {
    return Array.from(this.#slots, ({ kind }) => kind).filter((kind) => kind !== "absent");
  }

  get outlook(): Outlook {
    return this.#slots.outlook(this.#definition?.concurrency.max ?? 0);
  }

  /** Workers that have gone so that another function could have one. */
  get evictions(): number {
    return this.#evictions;
  }

  /** Nothing is left of a function that is gone. */
  get finished(): boolean {
    return this.#definition === undefined && !this.#slots.some(({ kind }) => kind !== "absent");
  }

  get leaving(): number {
    return this.#slots.leaving();
  }

  get share(): Share {
    return this.#slots.share(this.#name, this.#definition);
  }

  evict(): void {
    const slot = leastRecent(this.#slots, isUnused);
    if (slot === undefined) return;
    this.#evictions++;
    slot.evict();
  }

  keeps(): boolean {
    if (this.#crowded && surplus(this.#count()) > 0) return false;
    const taken = this.#options.room.wanted && this.#options.room.takes(this.#name);
    if (taken) this.#evictions++;
    return !taken;
  }

  lets(): boolean {
    const { workers, leaving, min } = this.#count();
    return workers - leaving > min;
  }

  serves(slot: Slot<C>): boolean {
    const lease = this.#queue.length > 0 ? slot.lease() : undefined;
    if (lease === undefined) return false;
    this.#queue.serve(lease);
    this.#cancelNeedless(false);
    return true;
  }

  onIdle(slot: Slot<C>): void {
    // The agent has to look at it first.
    if (slot.checked) this.#idle.push(slot);
    if (this.#options.room.wanted) this.#options.room.onChange(false);
  }

  onIdleEnd(slot: Slot<C>): void {
    const index = this.#idle.lastIndexOf(slot);
    if (index >= 0) this.#idle.splice(index, 1);
  }

  onLost(livedMs: number): void {
    this.#min.onLost(livedMs);
  }

  onChange(): void {
    if (this.#listing) return;
    this.#serve();
    this.#restoreMin();
  }

  onGone(): void {
    this.onChange();
    if (this.#options.room.wanted) this.#options.room.onChange(true);
  }

  onFailure(error: unknown, purpose: StartPriority | "none"): void {
    if (purpose === "min") {
      this.#min.onFailed();
      if (!this.#options.isAway(error)) this.#replacements.forget();
    }
    if (purpose !== "none") {
      if (this.#slots.some(willServe)) this.#holdGrowth();
      else this.#queue.rejectAll(error);
    }
    this.onChange();
    if (this.#options.room.wanted) this.#options.room.onChange(false);
  }

  #lease(): Lease<C> | undefined {
    return (this.#idle.pop() ?? mostRecent(this.#slots, isFrozen))?.lease();
  }

  #serve(): void {
    while (this.#queue.length > 0) {
      const lease = this.#lease();
      if (lease === undefined) break;
      this.#queue.serve(lease);
    }
    if (this.#queue.length > 0) this.#grow();
    else this.#cancelNeedless(false);
  }

  #grow(): void {
    for (let count = this.#count(); count.waiting > count.underWay; count = this.#count()) {
      // One that could not be prepared a moment ago would be asked again and again.
      const present = this.#growthHeld ? undefined : mostRecent(this.#slots, isPreparable);
      if (present !== undefined) present.prepare();
      else if (!this.#makeRoomInQueue() && (this.#growthHeld || missingForWaiting(count) === 0)) break;
      else this.#start("request");
    }
    if (this.#slots.some(willServe)) return;
    for (const slot of this.#slots) if (slot.kind === "condemned" && !slot.retired) slot.prepare();
  }

  /** A start for `min` that still waits for its turn gives it to one for a request, whose turn comes sooner. */
  #makeRoomInQueue(): boolean {
    const forMin = mostRecent(this.#slots, isQueuedForMin);
    forMin?.cancelStart();
    return forMin !== undefined;
  }

  #start(priority: StartPriority): void {
    if (this.#definition !== undefined) this.#slots.free().start(this.#definition, priority);
  }

  #restoreMin(): void {
    if (!this.#options.known() || !this.#min.mayRestore) return;
    for (let missing = missingForMin(this.#count()); missing > 0; missing--) this.#start("min");
  }

  /** The latest go first. @param begun also starts whose turn has come */
  #cancelNeedless(begun: boolean): void {
    const needless = needlessStarts(this.#count());
    if (needless === 0) return;
    const candidates = [...this.#slots.starting(false), ...(begun ? this.#slots.starting(true) : [])];
    for (const slot of candidates.slice(0, needless)) slot.cancelStart();
  }

  /** More than `max` go, the least recently used first; busy ones when they are done. */
  #trim(): void {
    let over = surplus(this.#count());
    this.#crowded = over > 0;
    for (; over > 0; over--) leastRecent(this.#slots, (slot) => isUnused(slot) && !slot.retired)?.evict();
  }

  #holdGrowth(): void {
    if (this.#growthHeld) return;
    this.#growthHeld = true;
    this.#options.clock.after(growAgainAfterMs, () => {
      this.#growthHeld = false;
      this.#serve();
    });
  }

  #count() {
    return this.#slots.count(this.#queue.length, this.#definition, this.#replacements.floor);
  }
}
