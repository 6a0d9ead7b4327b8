import { Kind } from "../../proto/gen/containerd/services/snapshots/v1/snapshots.ts";
import type { RuntimeWorker } from "../workers/runtime.ts";
import type { ContainerdClient } from "./client.ts";
import { absentAsUndefined, toRuntimeWorkers } from "./inspect.ts";
import { isOurs, ownershipFilter } from "./labels.ts";

/** What containerd has in our namespace that can outlive a worker. */
export interface NamespaceContents {
  /** Whoever made them. */
  readonly containers: readonly RuntimeWorker[];
  /** Ids, whoever made them. */
  readonly tasks: readonly string[];
  /** Keys of the writable ones with our mark. */
  readonly snapshots: readonly string[];
}

/** Reads what a sweep compares (S3). */
export async function readNamespace(
  client: ContainerdClient,
  snapshotter: string,
  signal: AbortSignal,
): Promise<NamespaceContents> {
  const [{ containers }, { tasks }, snapshots] = await Promise.all([
    client.containers.list({ filters: [] }, { signal }),
    client.tasks.list({}, { signal }),
    writableSnapshots(client, snapshotter, signal),
  ]);
  return { containers: toRuntimeWorkers(containers, tasks), tasks: tasks.map(({ id }) => id), snapshots };
}

/** Whether there is a writable layer of this name with our mark. */
export async function hasSnapshot(client: ContainerdClient, snapshotter: string, key: string): Promise<boolean> {
  const found = await absentAsUndefined(client.snapshots.stat({ snapshotter, key }));
  return found?.info !== undefined && isOurs(found.info.labels);
}

/** Removes a worker's writable layer that no container names any more; one without our mark is left alone. */
export async function removeSnapshot(client: ContainerdClient, snapshotter: string, key: string): Promise<void> {
  if (!(await hasSnapshot(client, snapshotter, key))) return;
  await absentAsUndefined(client.snapshots.remove({ snapshotter, key }));
}

async function writableSnapshots(
  client: ContainerdClient,
  snapshotter: string,
  signal: AbortSignal,
): Promise<string[]> {
  const keys: string[] = [];
  const filters = [`kind==active,${ownershipFilter}`];
  for await (const { info } of client.snapshots.list({ snapshotter, filters }, { signal })) {
    keys.push(...info.filter(({ kind }) => kind === Kind.ACTIVE).map(({ name }) => name));
  }
  return keys;
}
