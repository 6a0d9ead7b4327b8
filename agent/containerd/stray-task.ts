import type { ContainerdClient } from "./client.ts";
import { ownershipLabels } from "./labels.ts";

const specType = "types.containerd.io/opencontainers/runtime-spec/1/Spec";

/** Whether containerd has such a task, with or without a container. */
export async function hasTask(client: ContainerdClient, id: string): Promise<boolean> {
  return (await client.tasks.list({})).tasks.some((task) => task.id === id);
}

/**
 * Gives a task whose container somebody removed a container again, one of ours: only by its container does containerd
 * end a task. Whoever calls this destroys both.
 * @throws ClientError, ALREADY_EXISTS when there is a container of this id after all
 */
export async function claimStrayTask(client: ContainerdClient, id: string, runtime: string): Promise<void> {
  const spec = { typeUrl: specType, value: Buffer.from("{}") };
  await client.containers.create({ container: { id, labels: ownershipLabels, runtime: { name: runtime }, spec } });
}
