import { LineJoiner, type PrintedLine } from "../../common/log-lines.ts";
import type { FollowLogsResponse, LogPosition } from "../../proto/gen/esb/agent/v1/agent.ts";
import { type FollowSource, followPrinted } from "./follow.ts";

/** Whose log it is. */
export interface LogSource {
  /** The worker's id. */
  readonly worker: string;
  readonly instanceId: string;
  readonly function: string;
  /** What the worker was told as AWS_LAMBDA_LOG_STREAM_NAME. */
  readonly logStreamName: string;
}

export type PrintedListener = (source: LogSource, lines: readonly PrintedLine[]) => void;

/** How far the logs have been read, kept for the gateway's next life. */
export interface KeptPositions {
  all(): LogPosition[];
  /** Of workers without a position, lines from this moment on are news, in milliseconds since 1970. */
  readonly sinceMs: number;
  keep(position: LogPosition): void;
}

/** What this gateway's workers print. Nothing is read as long as nobody asks. */
export class WorkerLogs implements Disposable {
  readonly #agent: FollowSource;
  readonly #kept: KeptPositions;
  readonly #joiner = new LineJoiner();
  readonly #listeners = new Set<PrintedListener>();
  #following: AbortController | undefined;

  constructor(agent: FollowSource, kept: KeptPositions) {
    this.#agent = agent;
    this.#kept = kept;
  }

  /**
   * Tells every line once, in each worker's order, until it is let go of; while the agent is away, later. The first who
   * asks begins where the gateway's former life has ended.
   */
  subscribe(listener: PrintedListener): Disposable {
    this.#listeners.add(listener);
    this.#following ??= this.#follow();
    return {
      [Symbol.dispose]: () => {
        this.#listeners.delete(listener);
        if (this.#listeners.size === 0) this[Symbol.dispose]();
      },
    };
  }

  [Symbol.dispose](): void {
    this.#following?.abort();
    this.#following = undefined;
  }

  #follow(): AbortController {
    const life = new AbortController();
    const onPrinted = (response: FollowLogsResponse) => {
      const { position } = response;
      if (position === undefined) return;
      const { instanceId } = position;
      const lines = this.#joiner.join(instanceId, response.lines);
      const source = { ...response, worker: response.workerId, instanceId };
      if (lines.length > 0) for (const listener of this.#listeners) listener(source, lines);
      this.#kept.keep(position);
    };
    const sinceNs = BigInt(Math.floor(this.#kept.sinceMs)) * 1_000_000n;
    void followPrinted(this.#agent, () => this.#kept.all(), sinceNs, onPrinted, life.signal);
    return life;
  }
}
