import { delay } from "../../common/delay.ts";
import type { LogsAgent } from "../logs/worker-logs.ts";
import { type AgentChannel, type AgentClient, whenConnected } from "./channel.ts";

/** One that does not begin to answer, or stops in the middle, is no reason to wait. */
const readWithinMs = 5000;

/** What workers print, as the agent of this gateway tells. */
export function agentLogs(client: AgentClient, channel: AgentChannel, owner: string): LogsAgent {
  return {
    connected: () => whenConnected(channel, 1000),
    follow: (positions, sinceNs, signal) => client.followLogs({ owner, positions, sinceNs }, { signal }),
    read: (request, signal) => client.logs(request, { signal, deadline: readWithinMs }),
    delay,
  };
}
