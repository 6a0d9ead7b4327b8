import type { Socket } from "node:net";
import type { Clock } from "../pool/clock.ts";
import { addressGroup } from "./address-group.ts";

export interface ConnectionLimits {
  /** In all. */
  readonly most: number;
  /** Of one address (IPv6: of one /64 network). */
  readonly mostPerAddress: number;
  /** Addresses that speak for many clients, which only the limit of all holds for. */
  readonly isProxy: (address: string) => boolean;
}

export type RefusedConnection = "all" | "address";

/** The client connections that are open; one too many is closed at once. */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #open = new Set<Socket>();
  readonly #perAddress = new Map<string, number>();
  readonly refused: Record<RefusedConnection, number> = { all: 0, address: 0 };

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  get open(): number {
    return this.#open.size;
  }

  /** A connection has come in. @returns whether it may stay; else it is closed already */
  enter(socket: Socket): boolean {
    const address = socket.remoteAddress;
    // It has gone already.
    if (address === undefined) return true;
    const group = this.#limits.isProxy(address) ? undefined : addressGroup(address);
    const refusal = this.#refusal(group);
    if (refusal !== undefined) {
      this.refused[refusal]++;
      socket.destroy();
      return false;
    }
    this.#open.add(socket);
    if (group !== undefined) this.#perAddress.set(group, this.#countOf(group) + 1);
    socket.once("close", () => this.#leave(socket, group));
    return true;
  }

  /** Until those that are open now have been closed; at most so long. */
  async gone(clock: Pick<Clock, "after">, withinMs: number): Promise<void> {
    const closed = [...this.#open].map(
      (socket) => new Promise<void>((resolve) => socket.once("close", () => resolve())),
    );
    const timeUp = Promise.withResolvers<void>();
    const cancel = clock.after(withinMs, timeUp.resolve);
    await Promise.race([Promise.all(closed), timeUp.promise]);
    cancel();
  }

  closeAll(): void {
    for (const socket of this.#open) socket.destroy();
  }

  #refusal(group: string | undefined): RefusedConnection | undefined {
    if (this.#open.size >= this.#limits.most) return "all";
    if (group !== undefined && this.#countOf(group) >= this.#limits.mostPerAddress) return "address";
    return undefined;
  }

  #leave(socket: Socket, group: string | undefined): void {
    this.#open.delete(socket);
    if (group === undefined) return;
    const left = this.#countOf(group) - 1;
    if (left > 0) this.#perAddress.set(group, left);
    else this.#perAddress.delete(group);
  }

  #countOf(group: string): number {
    return this.#perAddress.get(group) ?? 0;
  }
}
