import type { RemovalReason, WorkerInfo, WorkerListener } from "./agent.ts";

/** A worker that may call Lambda's API and CloudWatch Logs. */
export interface CallingWorker {
  readonly id: string;
  readonly instanceId: string;
  readonly function: string;
  /** SHA-256 of its token, in hexadecimal. */
  readonly tokenDigest: string;
}

/**
 * This gateway's workers by where they call from, as the agent tells: from before the first of their own code runs until
 * they are gone. While the agent is away, what it said last holds.
 */
export class WorkerDirectory implements WorkerListener {
  readonly #addresses = new Map<string, string>();
  /** By address, then by instance: on the host's own network, all workers have one address. */
  readonly #callers = new Map<string, Map<string, CallingWorker>>();

  at(address: string): Iterable<CallingWorker> {
    return this.#callers.get(address)?.values() ?? [];
  }

  onSnapshot(workers: readonly WorkerInfo[]): void {
    this.#addresses.clear();
    this.#callers.clear();
    for (const worker of workers) this.onChanged(worker);
  }

  onChanged(worker: WorkerInfo): void {
    this.#forget(worker.instanceId);
    const { id, instanceId, sourceAddress, tokenDigest, state } = worker;
    if (state === "stopped" || sourceAddress === undefined || tokenDigest === undefined) return;
    const callers = this.#callers.get(sourceAddress) ?? new Map<string, CallingWorker>();
    callers.set(instanceId, { id, instanceId, function: worker.function, tokenDigest });
    this.#callers.set(sourceAddress, callers);
    this.#addresses.set(instanceId, sourceAddress);
  }

  onRemoved(worker: WorkerInfo, _reason: RemovalReason): void {
    this.#forget(worker.instanceId);
  }

  #forget(instanceId: string): void {
    const address = this.#addresses.get(instanceId);
    if (address === undefined) return;
    this.#addresses.delete(instanceId);
    const callers = this.#callers.get(address);
    callers?.delete(instanceId);
    if (callers?.size === 0) this.#callers.delete(address);
  }
}
