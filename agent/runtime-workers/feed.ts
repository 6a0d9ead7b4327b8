import { once } from "node:events";
import { PassThrough } from "node:stream";
import { delay } from "../../common/delay.ts";
import type { Logger } from "../../common/logger.ts";
import type { FeedRequest, FeedResponse, FollowLog, MeasureMemory } from "../../proto/gen/esb/runtime/v1/runtime.ts";
import type { LogPosition } from "../logs/files.ts";
import { type FollowedLines, type FollowOptions, watchFolder } from "../logs/follow.ts";
import { logFileName } from "../logs/names.ts";
import { toLine } from "../server/logs.ts";
import type { WorkerStats } from "../workers/runtime.ts";

/** The call by which the process that serves the Runtime API is told what only the agent knows of its workers. */
export interface FeedCall {
  /** Waits until the process can be called. */
  connected(signal: AbortSignal): Promise<void>;
  feed(news: AsyncIterable<FeedRequest>, signal: AbortSignal): AsyncIterable<FeedResponse>;
}

export interface FeedParts {
  readonly api: FeedCall;
  readonly logs: { follow(request: Omit<FollowOptions, "folder">): AsyncIterable<FollowedLines> };
  readonly stats: (id: string, signal: AbortSignal) => Promise<Pick<WorkerStats, "memoryPeakBytes">>;
  readonly logger: Pick<Logger, "debug">;
}

/** After a call that broke though the process could be called: an older one, which lives on, knows no such call. */
const retryMs = 1000;
/** News that wait for a slow reader: what is not read yet waits in the workers' logs. */
const mostWaiting = 4;
/** An extension waits for its report. */
const statsWithinMs = 1000;

/** Tells lines and memory of those workers whose extensions have subscribed to them, until the signal aborts (L3). */
export async function feedTelemetry(parts: FeedParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await parts.api.connected(signal);
      await oneCall(parts, signal);
    } catch (error) {
      if (!signal.aborted) parts.logger.debug({ err: error }, "telling the Runtime API of its workers broke off");
    }
    await delay(retryMs, signal);
  }
}

async function oneCall({ api, logs, stats }: FeedParts, signal: AbortSignal): Promise<void> {
  const ending = new AbortController();
  const life = AbortSignal.any([signal, ending.signal]);
  const news = new PassThrough({ objectMode: true, highWaterMark: mostWaiting });
  const followed = new Set<string>();
  const positions = new Map<string, LogPosition>();
  let lookAt: ((fileName: string) => void) | undefined;
  let following: Promise<void> | undefined;

  const measure = async ({ workerId, instanceId }: MeasureMemory) => {
    const within = AbortSignal.any([life, AbortSignal.timeout(statsWithinMs)]);
    const peakBytes = await stats(workerId, within).then(
      ({ memoryPeakBytes }) => memoryPeakBytes,
      () => undefined,
    );
    // As small as they are few: they do not wait for a slow reader.
    if (!life.aborted) news.write({ news: { $case: "measured", value: { instanceId, peakBytes } } });
  };
  const followAll = async () => {
    const request = {
      isWanted: ({ instanceId }: { readonly instanceId: string }) => followed.has(instanceId),
      positions,
      sinceNs: 0n,
      signal: life,
      watch(folder: string, onChanged: (fileName: string) => void, until: AbortSignal) {
        lookAt = onChanged;
        watchFolder(folder, onChanged, until);
      },
    };
    for await (const { owner, lines, position } of logs.follow(request)) {
      const { instanceId } = owner;
      if (!followed.has(instanceId)) continue;
      const behind = { instanceId, file: BigInt(position.number), offset: BigInt(position.offset) };
      const printed: FeedRequest["news"] = { $case: "printed", value: { position: behind, lines: lines.map(toLine) } };
      if (!news.write({ news: printed })) await once(news, "drain", { signal: life });
    }
  };
  const follow = ({ workerId: id, position }: FollowLog) => {
    if (position === undefined) return;
    const { instanceId, file, offset } = position;
    positions.set(instanceId, { number: Number(file), offset: Number(offset) });
    followed.add(instanceId);
    // Of what was printed before, no change will tell.
    lookAt?.(logFileName({ id, instanceId, number: 1 }));
    following ??= followAll();
    following.catch(() => ending.abort());
  };

  try {
    for await (const { wish } of api.feed(news, life)) {
      if (wish?.$case === "follow") follow(wish.value);
      else if (wish?.$case === "measure") void measure(wish.value);
      else if (wish?.$case === "unfollow") {
        followed.delete(wish.value);
        positions.delete(wish.value);
      }
    }
  } finally {
    ending.abort();
    news.destroy();
    await following?.catch(() => undefined);
  }
}
