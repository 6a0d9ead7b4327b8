import { randomUUID } from "node:crypto";
import type { Metadata } from "nice-grpc";
import { type ContainerdClient, isNotFound, withLease } from "./client.ts";

/** What a piece of work makes under a lease is safe from containerd's garbage collection until the lease goes. */
export interface Lease extends AsyncDisposable {
  readonly id: string;
  /** Call options that put what the call makes under the lease. */
  readonly call: { readonly metadata: Metadata };
  /** Puts what exists already under the lease; `type` is "content" or "snapshots/<snapshotter>". */
  hold(type: string, id: string): Promise<void>;
  /**
   * From now on the lease's end waits for no garbage collection: what was made is referenced by an image. Without it
   * the end of the lease removes what was made before it returns.
   */
  settle(): void;
}

export type LeaseClient = Pick<ContainerdClient, "leases">;

/** How long a lease lives whose agent was killed; longer than any pull. */
const leaseLifeMs = 24 * 60 * 60 * 1000;
const collectionTimeoutMs = 5 * 60 * 1000;
const purposeLabel = "esb.io/lease";

/** Takes a lease; disposing of it gives it back. `purpose` ("pull") is its label and part of its id. */
export async function takeLease(client: LeaseClient, purpose: string, signal: AbortSignal): Promise<Lease> {
  const id = `esb-${purpose}-${randomUUID()}`;
  const labels = {
    [purposeLabel]: purpose,
    "containerd.io/gc.expire": new Date(Date.now() + leaseLifeMs).toISOString(),
  };
  signal.throwIfAborted();
  // Not aborted half-way: that would leave it open whether there is a lease to give back.
  await client.leases.create({ id, labels });
  if (signal.aborted) {
    await removeLease(client, id, false).catch(() => {});
    throw signal.reason;
  }
  let settled = false;
  return {
    id,
    call: withLease(id),
    async hold(type, resource) {
      await client.leases.addResource({ id, resource: { type, id: resource } });
    },
    settle() {
      settled = true;
    },
    async [Symbol.asyncDispose]() {
      // An error here would hide the one that ended the work, mostly the same: containerd is away. Then the lease is
      // removed when the agent starts next, or expires.
      await removeLease(client, id, !settled).catch(() => {});
    },
  };
}

/** Ids of all leases of ours, whichever agent took them. */
export async function listLeases(client: LeaseClient, signal: AbortSignal): Promise<string[]> {
  const { leases } = await client.leases.list({ filters: [`labels."${purposeLabel}"`] }, { signal });
  return leases.map(({ id }) => id);
}

/** Removes leases that an agent left behind when it was killed, and what only they kept. */
export async function removeLeases(client: LeaseClient, ids: readonly string[]): Promise<void> {
  for (const [index, id] of ids.entries()) await removeLease(client, id, index === ids.length - 1);
}

async function removeLease(client: LeaseClient, id: string, sync: boolean): Promise<void> {
  try {
    await client.leases.delete({ id, sync }, { deadline: collectionTimeoutMs });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
