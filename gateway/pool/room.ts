import type { Clock } from "./clock.ts";
import { chooseVictim, compareClaims, isHopeless, type Share, yieldsTo } from "./fairness.ts";

/** What the room needs of a function's workers. */
export interface RoomHolder {
  readonly share: Share;
  /** Workers that are being destroyed. */
  readonly leaving: number;
  /** Destroys the least recently used idle or frozen worker. */
  evict(): void;
}

interface Claim {
  readonly function: string;
  readonly sinceMs: number;
  /** The agent's refusal. */
  readonly error: unknown;
  readonly onRoom: () => void;
  resolve(): void;
  reject(error: unknown): void;
}

/** Other gateways' workers may have gone, of which nobody tells us; and ours may have idled for long enough to go. */
const pollMs = 1000;

/** The host's room for workers, once the agent has said that it is full: who gives way to whom. */
export class Room {
  readonly #clock: Clock;
  readonly #holders: ReadonlyMap<string, RoomHolder>;
  readonly #claims = new Set<Claim>();
  /** When a start has first claimed room, by its signal: who tries in vain keeps its place. */
  readonly #firstMs = new WeakMap<AbortSignal, number>();
  #cancelPoll: (() => void) | undefined;

  constructor(clock: Clock, holders: ReadonlyMap<string, RoomHolder>) {
    this.#clock = clock;
    this.#holders = holders;
  }

  /** Whether anybody waits for room. */
  get wanted(): boolean {
    return this.#claims.size > 0;
  }

  /**
   * Resolves when a start is worth another try.
   * @param onRoom called right then, so that the share that it will have is known to who is next
   * @throws `error` when nothing will make room; the signal's reason
   */
  async claim(functionName: string, error: unknown, signal: AbortSignal, onRoom: () => void): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sinceMs = this.#firstMs.get(signal) ?? this.#clock.now();
    this.#firstMs.set(signal, sinceMs);
    const claim: Claim = { function: functionName, sinceMs, error, onRoom, resolve, reject };
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#claims.add(claim);
    this.#advance();
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#claims.delete(claim);
      if (this.#claims.size === 0) this.#stopPolling();
    }
  }

  /** A claim of another function that comes before one that this function would make now. */
  firstBefore(functionName: string): { readonly error: unknown } | undefined {
    const share = this.#shareOf(functionName);
    if (!this.wanted || share === undefined) return undefined;
    const [first] = this.#ordered();
    if (first === undefined || first.claim.function === functionName) return undefined;
    return compareClaims(first, { share, sinceMs: this.#clock.now() }) < 0 ? first.claim : undefined;
  }

  /** Whether a worker that is free now goes to another function; the caller then destroys it. */
  takes(functionName: string): boolean {
    const owner = this.#shareOf(functionName);
    if (owner === undefined) return false;
    const nowMs = this.#clock.now();
    return this.#unserved().some(({ share, sinceMs }) => yieldsTo(owner, share, nowMs - sinceMs));
  }

  /** A worker has become idle, or has gone. @param gone whether its room is free now */
  onChange(gone: boolean): void {
    if (!this.wanted) return;
    if (gone) {
      const [first] = this.#ordered();
      if (first !== undefined) this.#wake(first.claim);
    }
    this.#advance();
  }

  #advance(): void {
    this.#poll();
    // Each that goes changes the shares that decide on the next.
    for (let victim = this.#chooseVictim(); victim !== undefined; victim = this.#chooseVictim()) victim.evict();
    if (this.#leaving() > 0) return;
    const shares = this.#shares();
    for (const { claim, share } of this.#unserved()) {
      if (!isHopeless(share, shares)) continue;
      this.#claims.delete(claim);
      claim.reject(claim.error);
    }
  }

  /** Whose worker goes for the first claim that can have one. */
  #chooseVictim(): RoomHolder | undefined {
    const [shares, nowMs] = [this.#shares(), this.#clock.now()];
    for (const { share } of this.#unserved()) {
      const victim = chooseVictim(share, shares, nowMs);
      if (victim !== undefined) return this.#holders.get(victim.function);
    }
    return undefined;
  }

  /** In order, without those for whom a worker is going already; what is on its way to a function counts as its own. */
  #unserved() {
    const ordered = this.#ordered();
    const leaving = this.#leaving();
    const promised = new Map<string, number>();
    for (const { claim } of ordered.slice(0, leaving)) {
      promised.set(claim.function, (promised.get(claim.function) ?? 0) + 1);
    }
    return ordered.slice(leaving).map(({ claim, share, sinceMs }) => {
      const coming = share.coming + (promised.get(claim.function) ?? 0);
      return { claim, sinceMs, share: { ...share, coming } };
    });
  }

  #ordered() {
    return [...this.#claims]
      .flatMap((claim) => {
        const share = this.#shareOf(claim.function);
        return share === undefined ? [] : [{ claim, share, sinceMs: claim.sinceMs }];
      })
      .sort(compareClaims);
  }

  #wake(claim: Claim): void {
    this.#claims.delete(claim);
    claim.onRoom();
    claim.resolve();
  }

  #poll(): void {
    this.#cancelPoll ??= this.#clock.after(pollMs, () => {
      this.#cancelPoll = undefined;
      const woken = new Set<string>();
      for (const { claim } of this.#ordered()) {
        if (woken.has(claim.function)) continue;
        woken.add(claim.function);
        this.#wake(claim);
      }
      if (this.wanted) this.#advance();
    });
  }

  #stopPolling(): void {
    this.#cancelPoll?.();
    this.#cancelPoll = undefined;
  }

  #shares(): Share[] {
    return [...this.#holders.keys()].flatMap((name) => this.#shareOf(name) ?? []);
  }

  #shareOf(name: string): Share | undefined {
    return this.#holders.get(name)?.share;
  }

  #leaving(): number {
    let leaving = 0;
    for (const holder of this.#holders.values()) leaving += holder.leaving;
    return leaving;
  }
}
