import { AgentError } from "../errors.ts";

/** What is said of a container that has a worker's id and that somebody else made. */
export function foreignContainer(id: string): AgentError {
  return new AgentError(
    "WORKER_CONFLICT",
    `the container ${id} was not made by esb and is left alone; remove it, or rename the function`,
  );
}
