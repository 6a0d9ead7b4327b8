import type { FunctionDefinition } from "../functions/definition.ts";
import type { EnsuredWorker, WorkerAgent, WorkerInfo } from "../pool/agent.ts";
import { type AgentChannel, type AgentClient, isConnected, whenConnected } from "./channel.ts";
import { AgentCallError } from "./errors.ts";
import { toEnsuredWorker, toFunctionSpec } from "./messages.ts";

/** Pulling a large image over a slow line belongs to Ensure. */
const ensureWithinMs = 15 * 60_000;
const freezeWithinMs = 10_000;
const destroyWithinMs = 60_000;

export interface AgentWorkersOptions {
  readonly owner: string;
  /** Where workers are served Lambda's API, on the host's own address; 0: nowhere. */
  readonly lambdaApiPort: number;
  /** Whether the watch is up. */
  readonly watching: () => boolean;
  /** Why the watch broke; undefined while it is up, and before it has been. */
  readonly outage: () => unknown;
}

/** The pools' view of the agent: calls with deadlines, which fail at once while the agent is away. */
export class AgentWorkers implements WorkerAgent {
  readonly #client: AgentClient;
  readonly #channel: AgentChannel;
  readonly #options: AgentWorkersOptions;

  constructor(client: AgentClient, channel: AgentChannel, options: AgentWorkersOptions) {
    this.#client = client;
    this.#channel = channel;
    this.#options = options;
  }

  get live(): boolean {
    return this.#options.watching() && isConnected(this.#channel);
  }

  async check(): Promise<void> {
    await whenConnected(this.#channel);
    const outage = this.#options.outage();
    if (outage instanceof AgentCallError && outage.code === "RUNTIME_UNAVAILABLE") throw outage;
  }

  async ensure(definition: FunctionDefinition, slot: number, signal: AbortSignal): Promise<EnsuredWorker> {
    await whenConnected(this.#channel);
    const { owner, lambdaApiPort } = this.#options;
    const response = await this.#client.ensure(
      { function: toFunctionSpec(definition), slot, owner, lambdaApiPort },
      { signal, deadline: ensureWithinMs },
    );
    const ensured = toEnsuredWorker(response);
    if (ensured === undefined) throw new AgentCallError("INTERNAL", "the agent's answer has no worker");
    return ensured;
  }

  async pause(worker: WorkerInfo): Promise<void> {
    if (!isConnected(this.#channel)) await whenConnected(this.#channel);
    await this.#client.pause(named(worker), { deadline: freezeWithinMs });
  }

  async resume(worker: WorkerInfo): Promise<void> {
    if (!isConnected(this.#channel)) await whenConnected(this.#channel);
    await this.#client.resume(named(worker), { deadline: freezeWithinMs });
  }

  async destroy(worker: WorkerInfo, graceMs?: number): Promise<void> {
    await whenConnected(this.#channel);
    await this.#client.destroy({ ...named(worker), graceMs }, { deadline: destroyWithinMs });
  }
}

function named(worker: WorkerInfo): { workerId: string; instanceId: string } {
  return { workerId: worker.id, instanceId: worker.instanceId };
}
