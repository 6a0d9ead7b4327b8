import type { FunctionDefinition } from "../functions/definition.ts";
import type { EnsuredWorker, StartKind, WorkerAgent, WorkerInfo } from "../pool/agent.ts";
import type { PoolOptions } from "../pool/function-pool.ts";
import { FunctionPool } from "../pool/function-pool.ts";
import type { WorkerConnection } from "../pool/lease.ts";
import { FakeClock } from "./fake-clock.ts";

export class WorkerMissing extends Error {}

/** The agent went away before it answered. */
export class AgentLost extends Error {}

/** The pools' agent, by hand: a call is answered at once unless its name is held, and then by the test. */
export class HandAgent implements WorkerAgent {
  live = true;
  readonly calls: string[] = [];
  readonly held = new Set<string>();
  readonly pending: { call: string; resolve: () => void; reject: (error: unknown) => void; aborted: boolean }[] = [];
  #instances = 0;
  nextKind: StartKind = "cold";

  async ensure(definition: FunctionDefinition, slot: number, signal: AbortSignal): Promise<EnsuredWorker> {
    await this.#call("ensure", definition.image, signal);
    const worker = workerInfo(`i${++this.#instances}`, { function: definition.name, slot });
    const kind = this.nextKind;
    this.nextKind = "cold";
    return { worker, kind, phases: { image: 1, snapshot: 1, network: 1, create: 1, start: 1, ready: 1, total: 6 } };
  }

  async pause(worker: WorkerInfo): Promise<void> {
    await this.#call("pause", worker.instanceId);
  }

  async resume(worker: WorkerInfo): Promise<void> {
    await this.#call("resume", worker.instanceId);
  }

  async destroy(worker: WorkerInfo, graceMs?: number): Promise<void> {
    await this.#call("destroy", worker.instanceId + (graceMs === undefined ? "" : ` ${graceMs}`));
  }

  /** Answers the oldest call of this name that is held. */
  answer(name: string, error?: unknown): void {
    const index = this.pending.findIndex(({ call }) => call.startsWith(name));
    const [pending] = this.pending.splice(index, 1);
    if (index < 0 || pending === undefined) throw new Error(`no ${name} is waiting`);
    if (error === undefined) pending.resolve();
    else pending.reject(error);
  }

  #call(name: string, what: string, signal?: AbortSignal): Promise<void> {
    const call = `${name} ${what}`;
    this.calls.push(call);
    if (!this.held.has(name)) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const pending = { call, resolve, reject, aborted: false };
    this.pending.push(pending);
    signal?.addEventListener("abort", () => {
      pending.aborted = true;
      this.pending.splice(this.pending.indexOf(pending), 1);
      this.calls.push(`${call} cancelled`);
      reject(signal.reason);
    });
    return promise;
  }
}

export class FakeConnection implements WorkerConnection {
  drops = 0;
  closed = false;

  drop(): void {
    this.drops++;
  }

  close(): void {
    this.closed = true;
  }
}

export function workerInfo(instanceId: string, rest: Partial<WorkerInfo> = {}): WorkerInfo {
  return {
    id: `${rest.function ?? "f"}-${rest.slot ?? 0}`,
    instanceId,
    function: "f",
    slot: 0,
    host: "10.0.0.1",
    port: 8080,
    state: "running",
    lastAccessMs: 0,
    ...rest,
  };
}

export function definition(image = "a", name = "f"): FunctionDefinition {
  return {
    name,
    image,
    command: [],
    handler: "",
    timeoutMs: 3000,
    memoryMib: 128,
    tmpMib: 512,
    environment: {},
    pullPolicy: "if-not-present",
    concurrency: { min: 0, max: 1, reserved: 0 },
    idle: { freezeAfterMs: undefined, destroyAfterMs: undefined },
  };
}

export function poolOptions(overrides: Partial<PoolOptions<FakeConnection>> = {}) {
  const agent = new HandAgent();
  const clock = new FakeClock();
  const troubles: string[] = [];
  const options: PoolOptions<FakeConnection> = {
    agent,
    clock,
    limits: { freezeAfterMs: 1000, destroyAfterMs: 300_000 },
    queueLimit: 3,
    queueTimeoutMs: 30_000,
    connect: () => new FakeConnection(),
    isGone: (error) => error instanceof WorkerMissing,
    isUncertain: (error) => error instanceof AgentLost,
    onStarted: () => undefined,
    onTrouble: (what) => troubles.push(what),
    ...overrides,
  };
  return { agent, clock, troubles, options };
}

export function setUpPool(overrides: Partial<PoolOptions<FakeConnection>> = {}) {
  const { options, ...rest } = poolOptions(overrides);
  const pool = new FunctionPool<FakeConnection>(definition(), options);
  const lease = async () => pool.tryLease() ?? (await pool.wait().turn);
  return { pool, lease, ...rest };
}
