import { LineJoiner } from "../../common/log-lines.ts";
import type { WorkerInfo } from "../pool/agent.ts";
import type { Clock } from "../pool/clock.ts";
import type { AgentClient } from "./channel.ts";

/** A client waits for it with its answer. */
const withinMs = 1000;
/** What a worker prints goes through its log first, and is marked with the time at which it came there. */
const settleMs = 20;
const leastReads = 3;
const mostReads = 6;
/** Of one request, so many of its last lines: more than fit into an answer. */
const mostLines = 4096;
/** And no more than these many characters of them, lest a function that prints much fills the memory. */
const mostCharacters = 64 * 1024;

/** What the agent tells of a worker beside its state. */
export class AgentReports {
  readonly #client: Pick<AgentClient, "logs" | "stats">;
  readonly #clock: Pick<Clock, "after">;

  constructor(client: Pick<AgentClient, "logs" | "stats">, clock: Pick<Clock, "after">) {
    this.#client = client;
    this.#clock = clock;
  }

  /**
   * What a worker printed between two moments, in milliseconds since 1970; read until nothing comes any more, and at
   * once, since a worker that has failed is about to go, and its log with it.
   * @returns undefined when the agent does not tell
   */
  async linesBetween(worker: WorkerInfo, fromMs: number, toMs: number): Promise<readonly string[] | undefined> {
    let [lines, seen]: [readonly string[] | undefined, number] = [undefined, 0];
    for (let reads = 1; reads <= mostReads; reads++) {
      const now = await this.#read(worker, fromMs, toMs + settleMs).catch(() => undefined);
      if (now === undefined || (lines !== undefined && now.seen === seen && reads >= leastReads)) break;
      ({ lines, seen } = now);
      await new Promise<void>((resolve) => this.#clock.after(settleMs, resolve));
    }
    return lines;
  }

  /** @returns undefined when the agent does not tell */
  async memoryBytes({ id }: WorkerInfo): Promise<number | undefined> {
    try {
      const { memoryPeakBytes } = await this.#client.stats({ workerId: id }, { deadline: withinMs });
      return Number(memoryPeakBytes);
    } catch {
      return undefined;
    }
  }

  /** @returns the last lines, and how many there were */
  async #read(
    { id, instanceId }: WorkerInfo,
    fromMs: number,
    toMs: number,
  ): Promise<{ lines: string[]; seen: number }> {
    const joiner = new LineJoiner();
    const kept: string[] = [];
    let [seen, characters] = [0, 0];
    const sinceNs = BigInt(Math.floor(fromMs)) * 1_000_000n;
    const request = { workerId: id, instanceId, tailLines: mostLines, sinceNs };
    for await (const { lines } of this.#client.logs(request, { deadline: withinMs })) {
      for (const { text, timeMs } of joiner.join(instanceId, lines)) {
        if (timeMs > toMs) continue;
        kept.push(text);
        seen++;
        characters += text.length;
        while (kept.length > 1 && characters > mostCharacters) characters -= kept.shift()?.length ?? 0;
      }
    }
    return { lines: kept, seen };
  }
}
