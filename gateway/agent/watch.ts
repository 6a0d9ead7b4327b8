import type { WatchResponse } from "../../proto/gen/esb/agent/v1/agent.ts";
import type { WorkerListener } from "../pool/agent.ts";
import { toRemovalReason, toWorkerInfo } from "./messages.ts";

/** What following the agent's workers needs. */
export interface WatchSource {
  /** Resolves once there is a connection, rejects when none comes soon. */
  connected(signal: AbortSignal): Promise<void>;
  /** @param position where to go on; empty: begin with a snapshot */
  watch(position: string, signal: AbortSignal): AsyncIterable<WatchResponse>;
  /** Waits before the next attempt. */
  delay(ms: number, signal: AbortSignal): Promise<void>;
}

export interface WatchObserver {
  /** @param hostAddress this host's address as workers reach it; empty: an agent that does not tell */
  onUp(hostAddress: string): void;
  /** Called once for each outage. */
  onDown(error: unknown): void;
}

const firstBackoffMs = 50;
/** Until then what needs the agent is refused, though it may be back. */
const longestBackoffMs = 250;

/** How long to wait before attempt number `failures` + 1. */
export function backoffMs(failures: number): number {
  return Math.min(firstBackoffMs * 2 ** Math.max(0, failures - 1), longestBackoffMs);
}

/**
 * Follows the workers until the signal is aborted: goes on behind the last position after every break, so that nothing
 * is missed. An agent that was restarted answers with a snapshot.
 */
export async function followWorkers(
  source: WatchSource,
  listener: WorkerListener,
  observer: WatchObserver,
  signal: AbortSignal,
): Promise<void> {
  let position = "";
  let failures = 0;
  let up: boolean | undefined;
  while (!signal.aborted) {
    try {
      await source.connected(signal);
      for await (const message of source.watch(position, signal)) {
        deliver(message, listener);
        position = message.position;
        // Before that, what is known of a frozen worker may be out of date, and its address another's (S7).
        if (message.event?.$case !== "caughtUp") continue;
        failures = 0;
        if (up !== true) observer.onUp(message.event.value.hostAddress);
        up = true;
      }
      throw new Error("the agent ended the watch");
    } catch (error) {
      if (signal.aborted) return;
      failures++;
      if (up !== false) observer.onDown(error);
      up = false;
      await source.delay(backoffMs(failures), signal).catch(() => undefined);
    }
  }
}

function deliver(message: WatchResponse, listener: WorkerListener): void {
  switch (message.event?.$case) {
    case "snapshot":
      listener.onSnapshot(message.event.value.workers.map(toWorkerInfo));
      return;
    case "changed":
      listener.onChanged(toWorkerInfo(message.event.value));
      return;
    case "removed": {
      const { worker, reason } = message.event.value;
      if (worker !== undefined) listener.onRemoved(toWorkerInfo(worker), toRemovalReason(reason));
      return;
    }
    default:
      return;
  }
}
