import { EventEmitter, on } from "node:events";
import { LineJoiner, type PrintedLine } from "../../../common/log-lines.ts";
import type { LogPosition } from "../../../proto/gen/esb/agent/v1/agent.ts";
import type { FeedRequest, FeedResponse } from "../../../proto/gen/esb/runtime/v1/runtime.ts";
import type { Worker } from "../worker.ts";

interface Followed {
  readonly workerId: string;
  readonly onLines: (lines: readonly PrintedLine[]) => void;
  position: LogPosition;
}

type Wishes = EventEmitter<{ wish: [FeedResponse] }>;
type Measured = (peakBytes: number | undefined) => void;

/** Invocations of one worker may wait for an agent that does not answer, but no more than these. */
const mostMeasured = 16;

/** What the agent tells of workers whose extensions want to know. While it is away, lines wait in the workers' logs. */
export class Feed {
  /** Both by instance. */
  readonly #followed = new Map<string, Followed>();
  readonly #measuring = new Map<string, Measured[]>();
  readonly #joiner = new LineJoiner();
  #wishes: Wishes | undefined;

  /** Tells all that a worker has printed, and goes on printing. @returns how to stop that */
  follow({ workerId, instanceId }: Worker, onLines: Followed["onLines"]): () => void {
    const followed = { workerId, onLines, position: { instanceId, file: 0n, offset: 0n } };
    this.#followed.set(instanceId, followed);
    this.#wish({ $case: "follow", value: followed });
    return () => {
      if (this.#followed.delete(instanceId)) this.#wish({ $case: "unfollow", value: instanceId });
    };
  }

  /** The most memory that a worker has used so far, in bytes; undefined: the agent does not tell. */
  measure({ workerId, instanceId }: Worker): Promise<number | undefined> {
    const waiting = this.#measuring.get(instanceId);
    if (this.#wishes === undefined || waiting?.length === mostMeasured) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    if (waiting !== undefined) waiting.push(resolve);
    else {
      this.#measuring.set(instanceId, [resolve]);
      this.#wish({ $case: "measure", value: { workerId, instanceId } });
    }
    return promise;
  }

  /** One agent's call. Of several, the last one counts. */
  async *serve(news: AsyncIterable<FeedRequest>, signal: AbortSignal): AsyncGenerator<FeedResponse, void> {
    const over = new AbortController();
    const life = AbortSignal.any([signal, over.signal]);
    const wishes: Wishes = new EventEmitter();
    const wished = on(wishes, "wish", { signal: life });
    this.#wishes = wishes;
    this.#measuredNothing();
    for (const followed of this.#followed.values()) this.#wish({ $case: "follow", value: followed });
    const read = async () => {
      for await (const one of news) this.#onNews(one);
    };
    const stop = () => over.abort();
    read().then(stop, stop);
    try {
      for await (const [wish] of wished) yield wish;
    } catch (error) {
      if (!life.aborted) throw error;
    } finally {
      if (this.#wishes === wishes) {
        this.#wishes = undefined;
        this.#measuredNothing();
      }
    }
  }

  #wish(wish: FeedResponse["wish"]): void {
    this.#wishes?.emit("wish", { wish });
  }

  #onNews({ news }: FeedRequest): void {
    if (news?.$case === "measured") {
      const { instanceId, peakBytes } = news.value;
      const waiting = this.#measuring.get(instanceId) ?? [];
      this.#measuring.delete(instanceId);
      for (const resolve of waiting) resolve(peakBytes === undefined ? undefined : Number(peakBytes));
    } else if (news?.$case === "printed") {
      const { position, lines } = news.value;
      const followed = position && this.#followed.get(position.instanceId);
      if (followed === undefined || position === undefined) return;
      followed.position = position;
      followed.onLines(this.#joiner.join(position.instanceId, lines));
    }
  }

  /** Who was asked is gone. */
  #measuredNothing(): void {
    const all = [...this.#measuring.values()].flat();
    this.#measuring.clear();
    for (const resolve of all) resolve(undefined);
  }
}
