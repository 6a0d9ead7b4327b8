import type { WorkerInfo } from "../pool/agent.ts";
import type { Clock } from "../pool/clock.ts";
import type { AgentClient } from "./channel.ts";

/** A client waits for it with its answer. */
const withinMs = 1000;
/** What a worker prints goes through its log first. */
const settleMs = 20;
const mostReads = 5;

/** What the agent tells of a worker beside its state. */
export class AgentReports {
  readonly #client: Pick<AgentClient, "logs" | "stats">;
  readonly #clock: Pick<Clock, "after">;

  constructor(client: Pick<AgentClient, "logs" | "stats">, clock: Pick<Clock, "after">) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Reads again until nothing comes any more. @returns undefined when the agent does not tell */
  async linesSince(worker: WorkerInfo, epochMs: number): Promise<readonly string[] | undefined> {
    let lines: readonly string[] | undefined;
    for (let reads = 0; reads < mostReads; reads++) {
      await new Promise<void>((resolve) => this.#clock.after(settleMs, resolve));
      const now = await this.#read(worker, epochMs).catch(() => undefined);
      if (now === undefined || now.length === lines?.length) break;
      lines = now;
    }
    return lines;
  }

  /** @returns undefined when the agent does not tell */
  async memoryBytes({ id }: WorkerInfo): Promise<number | undefined> {
    try {
      const { memoryUsageBytes } = await this.#client.stats({ workerId: id }, { deadline: withinMs });
      return Number(memoryUsageBytes);
    } catch {
      return undefined;
    }
  }

  async #read({ id, instanceId }: WorkerInfo, epochMs: number): Promise<readonly string[]> {
    const texts: string[] = [];
    let open = "";
    const request = { workerId: id, instanceId, sinceNs: BigInt(epochMs) * 1_000_000n };
    for await (const { lines } of this.#client.logs(request, { deadline: withinMs })) {
      for (const { text, partial } of lines) {
        open += Buffer.from(text).toString();
        if (partial) continue;
        texts.push(open);
        open = "";
      }
    }
    return open === "" ? texts : [...texts, open];
  }
}
