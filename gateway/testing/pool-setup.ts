import type { Concurrency, FunctionDefinition } from "../functions/definition.ts";
import type { EnsuredWorker, StartKind, WorkerAgent, WorkerInfo } from "../pool/agent.ts";
import type { InFlight } from "../pool/in-flight.ts";
import type { WorkerConnection } from "../pool/lease.ts";
import { Pools, type PoolsOptions } from "../pool/pools.ts";
import { FakeClock } from "./fake-clock.ts";

export class WorkerMissing extends Error {}

/** The agent went away before it answered. */
export class AgentLost extends Error {}

/** The host has no room for another worker. */
export class HostFull extends Error {}

/** The pools' agent, by hand: a call is answered at once unless its name is held, and then by the test. */
export class HandAgent implements WorkerAgent {
  live = true;
  /** What `check` says; `live` can be false with the agent there, before it has told which workers there are. */
  away: Error | undefined;
  readonly calls: string[] = [];
  readonly held = new Set<string>();
  readonly pending: { call: string; resolve: () => void; reject: (error: unknown) => void; aborted: boolean }[] = [];
  #instances = 0;
  nextKind: StartKind = "cold";

  async check(): Promise<void> {
    if (this.away !== undefined) throw this.away;
  }

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

/** Remembers in memory. */
export class FakeInFlight implements InFlight {
  readonly marked: Set<string>;

  constructor(left: readonly string[] = []) {
    this.marked = new Set(left);
  }

  isMarked(instanceId: string): boolean {
    return this.marked.has(instanceId);
  }

  mark(instanceId: string): void {
    this.marked.add(instanceId);
  }

  clear(instanceId: string): void {
    this.marked.delete(instanceId);
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

/** One worker at most, unless `concurrency` says otherwise. */
export function definition(
  image = "a",
  name = "f",
  concurrency: Partial<Concurrency> = {},
  rest: Partial<FunctionDefinition> = {},
): FunctionDefinition {
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
    runtime: "auto",
    url: undefined,
    concurrency: { min: 0, max: 1, reserved: 0, ...concurrency },
    idle: { freezeAfterMs: undefined, destroyAfterMs: undefined },
    ...rest,
  };
}

export function poolOptions(overrides: Partial<PoolsOptions<FakeConnection>> = {}) {
  const agent = new HandAgent();
  const clock = new FakeClock();
  const troubles: string[] = [];
  const options: PoolsOptions<FakeConnection> = {
    agent,
    clock,
    limits: { freezeAfterMs: 1000, destroyAfterMs: 300_000 },
    queueLimit: 100,
    queueTimeoutMs: 30_000,
    queueBytes: 1000,
    startsAtOnce: 4,
    guard: { run: (_functionName, start) => start() },
    connect: () => new FakeConnection(),
    isGone: (error) => error instanceof WorkerMissing,
    isAway: (error) => error instanceof AgentLost,
    isExhausted: (error) => error instanceof HostFull,
    inFlight: new FakeInFlight(),
    onStarted: () => undefined,
    onFoundBusy: () => undefined,
    onTrouble: (what) => troubles.push(what),
    ...overrides,
  };
  return { agent, clock, troubles, options };
}

/** Pools of these functions, which know that there are no workers yet. */
export function setUpPools(
  definitions: readonly FunctionDefinition[],
  overrides: Partial<PoolsOptions<FakeConnection>> = {},
) {
  const { options, ...rest } = poolOptions(overrides);
  const pools = new Pools<FakeConnection>(options);
  pools.onFunctions(new Map(definitions.map((one) => [one.name, one])));
  pools.onSnapshot([]);
  const poolOf = (name: string) => {
    const found = definitions.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no function ${name}`);
    return pools.get(found);
  };
  const lease = async (name = "f") => poolOf(name).tryLease() ?? (await poolOf(name).wait().turn);
  return { pools, poolOf, lease, ...rest };
}

/** The pool of one function `f`. */
export function setUpPool(
  overrides: Partial<PoolsOptions<FakeConnection>> = {},
  concurrency: Partial<Concurrency> = {},
) {
  const { poolOf, ...rest } = setUpPools([definition("a", "f", concurrency)], overrides);
  return { pool: poolOf("f"), ...rest };
}
