import type { FunctionDefinition } from "../functions/definition.ts";
import type { Share } from "./fairness.ts";
import type { WorkerConnection } from "./lease.ts";
import { type Headcount, leastRecent, lowestFree } from "./selection.ts";
import type { Slot } from "./slot.ts";

type AnySlot = Slot<WorkerConnection>;

/** Frozen, and leased as it is. */
export const isFrozen = ({ kind, checked, retired }: AnySlot): boolean =>
  (kind === "frozen" || kind === "freezing") && checked && !retired;

/** There, but the agent has to look at it or thaw it before it serves. */
export const isPreparable = ({ kind, checked, retired }: AnySlot): boolean =>
  !retired && (kind === "frozen" || kind === "freezing" || (kind === "idle" && !checked));

/** Nobody uses it, and nothing is being done with it. */
export const isUnused = ({ kind }: AnySlot): boolean => kind === "idle" || kind === "frozen";

export const isQueuedForMin = ({ starting }: AnySlot): boolean => starting?.priority === "min" && !starting.begun;

/** Will be free for those who wait. */
export const willServe = ({ kind, retired }: AnySlot): boolean =>
  !retired && (kind === "busy" || kind === "starting" || kind === "thawing");

const isPresent = ({ kind, retired }: AnySlot): boolean =>
  !retired && (kind === "idle" || kind === "freezing" || kind === "frozen" || kind === "thawing" || kind === "busy");

/** What a function's next request could be served by. */
export interface Outlook {
  /** Workers that have a request. */
  readonly busy: number;
  /** A worker is free, or will be without any request's end. */
  readonly coming: boolean;
  /** There may be one worker more. */
  readonly growing: boolean;
}

/** The slots of one function by number. One without a worker is kept: it knows what it has destroyed. */
export class SlotTable<C extends WorkerConnection> {
  readonly #slots = new Map<number, Slot<C>>();
  readonly #create: (number: number) => Slot<C>;

  constructor(create: (number: number) => Slot<C>) {
    this.#create = create;
  }

  [Symbol.iterator](): IterableIterator<Slot<C>> {
    return this.#slots.values();
  }

  find(number: number): Slot<C> | undefined {
    return this.#slots.get(number);
  }

  get(number: number): Slot<C> {
    const existing = this.#slots.get(number);
    if (existing !== undefined) return existing;
    const slot = this.#create(number);
    this.#slots.set(number, slot);
    return slot;
  }

  /** The lowest slot without a worker. */
  free(): Slot<C> {
    return this.get(lowestFree((number) => (this.#slots.get(number)?.kind ?? "absent") !== "absent"));
  }

  some(holds: (slot: Slot<C>) => boolean): boolean {
    for (const slot of this.#slots.values()) if (holds(slot)) return true;
    return false;
  }

  /** Those whose start is under way, the latest first. @param begun which of them */
  starting(begun: boolean): Slot<C>[] {
    const found = [...this.#slots.values()].filter(({ starting }) => starting?.begun === begun).reverse();
    return found.sort((a, b) => (b.starting?.sinceMs ?? 0) - (a.starting?.sinceMs ?? 0));
  }

  leaving(): number {
    let leaving = 0;
    for (const { kind } of this.#slots.values()) if (kind === "destroying") leaving++;
    return leaving;
  }

  /** How many are ready, or serve. */
  present(): number {
    let present = 0;
    for (const slot of this.#slots.values()) if (isPresent(slot)) present++;
    return present;
  }

  /** @param max how many there may be */
  outlook(max: number): Outlook {
    let [present, busy, coming] = [0, 0, false];
    for (const { kind, retired, starting } of this.#slots.values()) {
      if (kind === "busy") busy++;
      if (kind === "absent" || retired) continue;
      // A start that waits for its turn or for room counts as one that could be.
      if (starting?.begun === false) continue;
      present++;
      if (kind !== "busy") coming = true;
    }
    return { busy, coming, growing: present < max };
  }

  /** @param floor in place of `min` where it is higher */
  count(waiting: number, definition: FunctionDefinition | undefined, floor = 0): Headcount {
    let [workers, underWay, leaving] = [0, 0, 0];
    for (const slot of this.#slots.values()) {
      const { kind } = slot;
      if (kind === "absent" || slot.retired) continue;
      workers++;
      if (kind === "thawing" || (kind === "starting" && !isQueuedForMin(slot))) underWay++;
      else if (kind === "destroying" || kind === "condemned") leaving++;
    }
    const { min, max } = definition?.concurrency ?? { min: 0, max: 0 };
    return { waiting, workers, underWay, leaving, min: Math.min(Math.max(min, floor), max), max };
  }

  share(name: string, definition: FunctionDefinition | undefined): Share {
    let [workers, coming, usedMib] = [0, 0, 0];
    for (const { kind, definition: made, starting } of this.#slots.values()) {
      if (starting?.begun === true) coming++;
      if (kind === "absent" || kind === "destroying" || kind === "starting") continue;
      workers++;
      usedMib += made?.memoryMib ?? 0;
    }
    return {
      function: name,
      workers,
      coming,
      usedMib,
      workerMib: definition?.memoryMib ?? 0,
      min: definition?.concurrency.min ?? 0,
      reserved: definition?.concurrency.reserved ?? 0,
      idleSinceMs: leastRecent(this.#slots.values(), isUnused)?.idleSinceMs,
    };
  }
}
