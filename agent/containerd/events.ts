import { ClientError } from "nice-grpc";
import { ContainerDelete } from "../../proto/gen/containerd/events/container.ts";
import { TaskExit, TaskOOM, TaskPaused, TaskResumed } from "../../proto/gen/containerd/events/task.ts";
import type { Envelope } from "../../proto/gen/containerd/services/events/v1/events.ts";
import { AgentError } from "../errors.ts";
import type { RuntimeEvent } from "../workers/runtime.ts";
import type { ContainerdClient } from "./client.ts";
import { instanceOfExtension } from "./extensions.ts";

/** Follows what happens to tasks and containers of our namespace, whoever caused it. */
export async function* followContainerd(
  client: Pick<ContainerdClient, "events" | "address" | "namespace">,
  signal: AbortSignal,
): AsyncGenerator<RuntimeEvent, void> {
  const filters = [
    `namespace==${client.namespace},topic~="^/tasks/"`,
    `namespace==${client.namespace},topic~="^/containers/"`,
  ];
  try {
    for await (const envelope of client.events.subscribe({ filters }, { signal })) {
      const event = decode(envelope);
      if (event !== undefined) yield event;
    }
  } catch (error) {
    // Whatever ends the stream, be it UNAVAILABLE or a reset of another name, the news are cut off until we begin anew.
    throw error instanceof ClientError
      ? new AgentError("RUNTIME_UNAVAILABLE", `containerd at ${client.address} ended its events`, { cause: error })
      : error;
  }
}

/** @returns undefined for what does not concern a worker's life, such as the end of a process that `ctr` started in it */
function decode({ topic, event }: Envelope): RuntimeEvent | undefined {
  const bytes = event?.value ?? new Uint8Array();
  switch (topic) {
    case "/tasks/exit": {
      const { containerId, id, pid, exitStatus } = TaskExit.decode(bytes);
      if (id === containerId) return { type: "exited", id, pid, exitStatus };
      const instanceId = instanceOfExtension(id);
      return instanceId === undefined
        ? undefined
        : { type: "extension-ended", id: containerId, instanceId, exitStatus };
    }
    case "/tasks/oom":
      return { type: "out-of-memory", id: TaskOOM.decode(bytes).containerId };
    case "/tasks/paused":
      return { type: "paused", id: TaskPaused.decode(bytes).containerId };
    case "/tasks/resumed":
      return { type: "resumed", id: TaskResumed.decode(bytes).containerId };
    case "/containers/delete":
      return { type: "removed", id: ContainerDelete.decode(bytes).id };
    default:
      return undefined;
  }
}
