import type { Container } from "../../proto/gen/containerd/services/containers/v1/containers.ts";
import { type Process, Status as TaskStatus } from "../../proto/gen/containerd/types/task/task.ts";
import type { RuntimeState, RuntimeWorker } from "../workers/runtime.ts";
import { type ContainerdClient, isNotFound } from "./client.ts";
import { fromLabels, isOurs, ownershipFilter } from "./labels.ts";

/** Who is asked about one worker. */
export interface InspectedClient {
  readonly containers: Pick<ContainerdClient["containers"], "get">;
  readonly tasks: Pick<ContainerdClient["tasks"], "get">;
}

/**
 * containerd says UNKNOWN of a task whose shim has not answered within two seconds, as on a machine without time to spare
 * (github.com/containerd/containerd, pull request 3444): of one that is well, it knows more when it is asked again.
 */
const unknownTries = 3;

/** The container of this id with its task's state; undefined when there is none. */
export async function inspectWorker(
  client: InspectedClient,
  id: string,
  signal?: AbortSignal,
): Promise<RuntimeWorker | undefined> {
  const options = signal === undefined ? {} : { signal };
  const getTask = () => absentAsUndefined(client.tasks.get({ containerId: id }, options));
  const [container, first] = await Promise.all([absentAsUndefined(client.containers.get({ id }, options)), getTask()]);
  let task = first;
  for (let tries = 1; task?.process?.status === TaskStatus.UNKNOWN && tries < unknownTries; tries++)
    task = await getTask();
  return container?.container === undefined ? undefined : toRuntimeWorker(container.container, task?.process);
}

/** All of our containers in the namespace. */
export async function listWorkers(client: ContainerdClient, signal: AbortSignal): Promise<RuntimeWorker[]> {
  const [{ containers }, { tasks }] = await Promise.all([
    client.containers.list({ filters: [ownershipFilter] }, { signal }),
    client.tasks.list({}, { signal }),
  ]);
  return toRuntimeWorkers(containers, tasks);
}

export function toRuntimeWorkers(containers: readonly Container[], tasks: readonly Process[]): RuntimeWorker[] {
  const processes = new Map(tasks.map((process) => [process.id, process]));
  return containers.map((container) => toRuntimeWorker(container, processes.get(container.id)));
}

export async function absentAsUndefined<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function toRuntimeWorker(container: Container, process: Process | undefined): RuntimeWorker {
  const ours = fromLabels(container.id, container.labels);
  return {
    id: container.id,
    ours: isOurs(container.labels),
    identity: ours?.identity,
    endpoint: ours?.belongings.endpoint,
    attachmentId: ours?.belongings.attachmentId,
    sourceAddress: ours?.belongings.sourceAddress,
    driver: ours?.belongings.driver ?? "http",
    state: stateOf(process),
    pid: process?.pid ?? 0,
    exitStatus: process?.status === TaskStatus.STOPPED ? process.exitStatus : undefined,
  };
}

/** A container without a task was never started, or its task has been deleted: either way, nothing of it runs. */
function stateOf(process: Process | undefined): RuntimeState {
  switch (process?.status) {
    case TaskStatus.RUNNING:
      return "running";
    // Pausing is on its way to paused: whoever resumes waits for containerd, which does one after the other.
    case TaskStatus.PAUSED:
    case TaskStatus.PAUSING:
      return "paused";
    case TaskStatus.CREATED:
      return "created";
    default:
      return "stopped";
  }
}
