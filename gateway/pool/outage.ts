import type { FunctionDefinition } from "../functions/definition.ts";
import type { EnsuredWorker, WorkerAgent, WorkerInfo } from "./agent.ts";
import type { Clock } from "./clock.ts";

/** How long what was under way when the agent or containerd went is tried again. */
const graceMs = 10_000;
const pollMs = 50;
/** How often a call is made again while the agent does not say that it is back. */
const againAfterMs = 250;

export interface OutageOptions {
  readonly clock: Clock;
  /** Whether an error says that the agent or its containerd went away; whether the call was carried out is open. */
  readonly isAway: (error: unknown) => boolean;
}

/**
 * The agent, through its restarts: a call that was under way when it went is made again once it is back. Every call can
 * be repeated: Ensure finds what it made, Resume and Destroy name the very worker. A call that begins while the agent is
 * known to be away fails at once, and a Pause always does, since nobody waits for it.
 */
export class EnduringAgent implements WorkerAgent {
  readonly #agent: WorkerAgent;
  readonly #options: OutageOptions;

  constructor(agent: WorkerAgent, options: OutageOptions) {
    this.#agent = agent;
    this.#options = options;
  }

  get live(): boolean {
    return this.#agent.live;
  }

  check(): Promise<void> {
    return this.#agent.check();
  }

  ensure(definition: FunctionDefinition, slot: number, signal: AbortSignal): Promise<EnsuredWorker> {
    return this.#endure(() => this.#agent.ensure(definition, slot, signal), signal);
  }

  pause(worker: WorkerInfo): Promise<void> {
    return this.#agent.pause(worker);
  }

  resume(worker: WorkerInfo): Promise<void> {
    return this.#endure(() => this.#agent.resume(worker));
  }

  destroy(worker: WorkerInfo, graceMs?: number): Promise<void> {
    return this.#endure(() => this.#agent.destroy(worker, graceMs));
  }

  async #endure<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const { clock, isAway } = this.#options;
    const wasLive = this.#agent.live;
    let untilMs: number | undefined;
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!wasLive || signal?.aborted === true || !isAway(error)) throw error;
        untilMs ??= clock.now() + graceMs;
        if (clock.now() >= untilMs) throw error;
        await this.#back(Math.min(untilMs, clock.now() + againAfterMs), signal);
      }
    }
  }

  /** Resolves when the agent is back, at the latest when it is time to look. @throws the signal's reason */
  async #back(untilMs: number, signal: AbortSignal | undefined): Promise<void> {
    const { clock } = this.#options;
    do {
      await new Promise<void>((resolve) => {
        clock.after(pollMs, resolve);
      });
      signal?.throwIfAborted();
    } while (!this.#agent.live && clock.now() < untilMs);
  }
}
