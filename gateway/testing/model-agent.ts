import type { FunctionDefinition } from "../functions/definition.ts";
import type { EnsuredWorker, StartKind, WorkerAgent, WorkerInfo, WorkerListener } from "../pool/agent.ts";
import { AgentLost, HostFull, WorkerMissing, workerInfo } from "./pool-setup.ts";

interface ModelWorker {
  info: WorkerInfo;
  readonly image: string;
  readonly memoryMib: number;
}

/** An agent with workers, room for so much memory, and outages; it tells of changes as the real one does. */
export class ModelAgent implements WorkerAgent {
  readonly workers = new Map<string, ModelWorker>();
  readonly failing = new Set<string>();
  /** Memory for all workers together. */
  roomMib = Number.POSITIVE_INFINITY;
  /** Ensures that were answered with HostFull. */
  refusals = 0;
  #live = true;
  #epoch = 0;
  #instances = 0;
  readonly #listener: () => WorkerListener;

  constructor(listener: () => WorkerListener) {
    this.#listener = listener;
  }

  get live(): boolean {
    return this.#live;
  }

  goAway(): void {
    this.#live = false;
    this.#epoch++;
  }

  comeBack(): void {
    if (this.#live) return;
    this.#listener().onSnapshot([...this.workers.values()].map(({ info }) => info));
    this.#live = true;
  }

  /** A worker dies. */
  kill(id: string): void {
    const worker = this.workers.get(id);
    if (worker === undefined) return;
    this.workers.delete(id);
    if (this.#live) this.#listener().onRemoved(worker.info, "exited");
  }

  async check(): Promise<void> {
    if (!this.#live) throw new AgentLost();
  }

  ensure(definition: FunctionDefinition, slot: number, signal: AbortSignal): Promise<EnsuredWorker> {
    return this.#call(() => {
      signal.throwIfAborted();
      if (this.failing.has(definition.name)) throw new Error("cannot start");
      const { worker, kind } = this.#make(definition, slot);
      return { worker, kind, phases: { image: 0, snapshot: 0, network: 0, create: 0, start: 0, ready: 0, total: 0 } };
    });
  }

  pause(worker: WorkerInfo): Promise<void> {
    return this.#call(() => this.#setState(worker, "paused"));
  }

  resume(worker: WorkerInfo): Promise<void> {
    return this.#call(() => this.#setState(worker, "running"));
  }

  destroy(worker: WorkerInfo): Promise<void> {
    return this.#call(() => {
      const found = this.workers.get(worker.id);
      if (found?.info.instanceId !== worker.instanceId) return;
      this.workers.delete(worker.id);
      this.#listener().onRemoved(found.info, "destroyed");
    });
  }

  #make(definition: FunctionDefinition, slot: number): { worker: WorkerInfo; kind: StartKind } {
    const id = `${definition.name}-${slot}`;
    const existing = this.workers.get(id);
    if (existing?.image === definition.image) {
      const kind = existing.info.state === "paused" ? "thawed" : "warm";
      this.#setState(existing.info, "running");
      return { worker: existing.info, kind };
    }
    if (existing !== undefined) {
      this.workers.delete(id);
      this.#listener().onRemoved(existing.info, "replaced");
    }
    const used = [...this.workers.values()].reduce((sum, { memoryMib }) => sum + memoryMib, 0);
    if (used + definition.memoryMib > this.roomMib) {
      this.refusals++;
      throw new HostFull("no room");
    }
    const info = workerInfo(`i${++this.#instances}`, { function: definition.name, slot });
    this.workers.set(id, { info, image: definition.image, memoryMib: definition.memoryMib });
    this.#listener().onChanged(info);
    return { worker: info, kind: "cold" };
  }

  #setState(worker: WorkerInfo, state: WorkerInfo["state"]): void {
    const found = this.workers.get(worker.id);
    if (found === undefined || found.info.instanceId !== worker.instanceId) throw new WorkerMissing();
    found.info = { ...found.info, state };
    this.#listener().onChanged(found.info);
  }

  /** An outage breaks a call off before or after it was carried out. */
  async #call<T>(work: () => T): Promise<T> {
    const epoch = this.#epoch;
    if (!this.#live) throw new AgentLost();
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#epoch !== epoch) throw new AgentLost();
    const result = work();
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#epoch !== epoch) throw new AgentLost();
    return result;
  }
}
