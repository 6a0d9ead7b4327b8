import { delay } from "../../common/delay.ts";
import type { FollowSource } from "../logs/follow.ts";
import { type AgentChannel, type AgentClient, whenConnected } from "./channel.ts";

/** What workers print, as the agent of this gateway tells. */
export function agentLogs(client: AgentClient, channel: AgentChannel, owner: string): FollowSource {
  return {
    connected: () => whenConnected(channel, 1000),
    follow: (positions, sinceNs, signal) => client.followLogs({ owner, positions, sinceNs }, { signal }),
    delay,
  };
}
