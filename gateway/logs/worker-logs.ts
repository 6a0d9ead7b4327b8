import type { FollowLogsResponse, LogPosition, LogsRequest, LogsResponse } from "../../proto/gen/esb/agent/v1/agent.ts";
import { type FollowSource, followPrinted } from "./follow.ts";
import { LineJoiner, type LogSource, type PrintedLine } from "./lines.ts";

/** What reading workers' logs needs of the agent. */
export interface LogsAgent extends FollowSource {
  read(request: Partial<LogsRequest>, signal: AbortSignal): AsyncIterable<LogsResponse>;
  follow(positions: LogPosition[], sinceNs: bigint, signal: AbortSignal): AsyncIterable<FollowLogsResponse>;
}

export type PrintedListener = (source: LogSource, lines: readonly PrintedLine[]) => void;

/** How far the logs have been read, kept for the gateway's next life. */
export interface KeptPositions {
  all(): LogPosition[];
  /** Of workers without a position, lines from this moment on are news, in milliseconds since 1970. */
  readonly sinceMs: number;
  keep(position: LogPosition): void;
}

/** What is printed reaches the log within a few milliseconds. */
const settledAfterMs = 20;
/** Of one request, so many of its last lines, or parts of long ones. */
const mostLines = 4096;

/** What this gateway's workers print. Nothing is read as long as nobody asks. */
export class WorkerLogs implements Disposable {
  readonly #agent: LogsAgent;
  readonly #kept: KeptPositions;
  readonly #now: () => number;
  readonly #joiner = new LineJoiner();
  readonly #listeners = new Set<PrintedListener>();
  #following: AbortController | undefined;

  /** @param now milliseconds since 1970 */
  constructor(agent: LogsAgent, kept: KeptPositions, now: () => number = Date.now) {
    this.#agent = agent;
    this.#kept = kept;
    this.#now = now;
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

  /**
   * What one worker printed between two moments, in milliseconds since 1970, in order: the last lines, where there are
   * thousands. Waits until what was printed last has reached the log.
   * @throws AgentCallError when the worker or the agent is not there
   */
  async linesOf(
    worker: { readonly id: string; readonly instanceId: string },
    fromMs: number,
    toMs: number,
    signal: AbortSignal,
  ): Promise<PrintedLine[]> {
    await this.#agent.delay(Math.max(0, toMs + settledAfterMs - this.#now()), signal);
    const sinceNs = BigInt(Math.floor(fromMs)) * 1_000_000n;
    const request = { workerId: worker.id, instanceId: worker.instanceId, tailLines: mostLines, sinceNs };
    const joiner = new LineJoiner();
    const found: PrintedLine[] = [];
    for await (const { lines } of this.#agent.read(request, signal)) {
      const whole = joiner.join(worker.instanceId, lines);
      found.push(...whole.filter(({ timeMs }) => timeMs <= toMs + settledAfterMs));
    }
    return found;
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
