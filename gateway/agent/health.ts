import { Status } from "nice-grpc";
import { AgentServiceDefinition } from "../../proto/gen/esb/agent/v1/agent.ts";
import { AgentCallError } from "./errors.ts";

/** HealthCheckResponse.ServingStatus of grpc.health.v1. */
const serving = 1;
const withinMs = 1000;

export interface AgentHealth {
  readonly agent: { readonly available: boolean; readonly error?: string };
  /** containerd as the agent sees it; absent while the agent itself is away. */
  readonly containerd?: { readonly available: boolean; readonly error?: string };
}

/** What the check needs of grpc.health.v1. */
export interface HealthChecker {
  check(request: { service: string }, options: { deadline: number }): Promise<{ status: number }>;
}

/**
 * Asks the agent how it is, by the standard health service: the empty name stands for the agent's process, the agent
 * service's name for the agent with its containerd. Never rejects.
 * @param watching whether the agent tells of its workers: before that, none can be started or thawed
 */
export async function checkAgent(
  health: HealthChecker,
  connected: () => Promise<void>,
  watching: () => boolean,
): Promise<AgentHealth> {
  try {
    await connected();
    await health.check({ service: "" }, { deadline: withinMs });
  } catch (error) {
    return { agent: { available: false, error: messageOf(error) } };
  }
  try {
    const { status } = await health.check({ service: AgentServiceDefinition.fullName }, { deadline: withinMs });
    if (status === serving) {
      const agent = watching()
        ? { available: true }
        : { available: false, error: "it has not told of its workers yet" };
      return { agent, containerd: { available: true } };
    }
    return {
      agent: { available: true },
      containerd: { available: false, error: "the agent says that containerd does not answer" },
    };
  } catch (error) {
    return { agent: { available: true }, containerd: { available: false, error: messageOf(error) } };
  }
}

function messageOf(error: unknown): string {
  if (error instanceof AgentCallError && error.code === "DEADLINE_EXCEEDED") return "no answer in time";
  return error instanceof Error ? error.message : String(Status.UNKNOWN);
}
