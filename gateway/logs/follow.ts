import type { FollowLogsResponse, LogPosition } from "../../proto/gen/esb/agent/v1/agent.ts";

/** What following the workers' logs needs. */
export interface FollowSource {
  /** Resolves once there is a connection, rejects when none comes soon. */
  connected(signal: AbortSignal): Promise<void>;
  follow(positions: LogPosition[], sinceNs: bigint, signal: AbortSignal): AsyncIterable<FollowLogsResponse>;
  /** Waits; ends early, without an error, when the signal aborts. */
  delay(ms: number, signal: AbortSignal): Promise<void>;
}

const firstBackoffMs = 100;
const longestBackoffMs = 2000;

/** Follows until the signal aborts; after every break it goes on behind what it has had. That an agent is away, others say. */
export async function followPrinted(
  source: FollowSource,
  positions: () => LogPosition[],
  sinceNs: bigint,
  onPrinted: (response: FollowLogsResponse) => void,
  signal: AbortSignal,
): Promise<void> {
  let backoffMs = firstBackoffMs;
  while (!signal.aborted) {
    try {
      await source.connected(signal);
      for await (const response of source.follow(positions(), sinceNs, signal)) {
        backoffMs = firstBackoffMs;
        onPrinted(response);
      }
    } catch {
      // It is tried again.
    }
    await source.delay(backoffMs, signal);
    backoffMs = Math.min(backoffMs * 2, longestBackoffMs);
  }
}
