import type { FunctionError } from "../errors.ts";

/**
 * What the workers' domain needs from whatever runs containers (W12). containerd is one implementation; nothing in
 * this folder knows more about it than is written here.
 */

/** How a worker is given its invocations; `runtime-api`: it asks for them. */
export type Driver = "http" | "emulator" | "runtime-api";

export type PullPolicy = "if-not-present" | "always" | "never";

/** A function, as far as its workers depend on it. */
export interface FunctionSpec {
  readonly name: string;
  readonly image: string;
  /** In place of the image's entrypoint and command; empty: the image's own. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly memoryBytes: number;
  readonly timeoutMs: number;
  readonly tmpBytes: number;
  readonly pullPolicy: PullPolicy;
  readonly handler: string;
  /** Absent: as the image suggests. */
  readonly driver?: Driver | undefined;
  /** Where the worker reaches Lambda's API of its gateway, `http://host:port`; absent: nowhere. */
  readonly lambdaEndpoint?: string | undefined;
}

/** Who a worker is: kept with the container itself, so that an agent that starts anew can read it back. */
export interface WorkerIdentity {
  /** See `workerId`. */
  readonly id: string;
  readonly function: string;
  readonly slot: number;
  readonly owner: string;
  readonly image: string;
  /** Unique for every worker ever made. */
  readonly instanceId: string;
  readonly specDigest: string;
  readonly createdAtMs: number;
  /** The worker's memory limit. */
  readonly memoryBytes: number;
  /** See `LambdaAccess`; absent: the worker was given none. */
  readonly tokenDigest?: string | undefined;
}

/** With what a worker calls Lambda's API as itself. */
export interface LambdaAccess {
  /** `http://host:port`. */
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** The token: known to the worker alone. What is kept of it is its digest. */
  readonly sessionToken: string;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** `created`: made but not started, which only a start that broke off leaves behind. */
export type RuntimeState = "created" | "running" | "paused" | "stopped";

/** A worker as the runtime itself sees it. */
export interface RuntimeWorker {
  /** Whether it carries our mark. What does not is never touched, whatever id it has. */
  readonly ours: boolean;
  /** Absent when it does not say who it is: it was not made by us, or somebody changed what it says. */
  readonly identity: WorkerIdentity | undefined;
  readonly id: string;
  readonly state: RuntimeState;
  /** Absent when it was never attached. */
  readonly endpoint: Endpoint | undefined;
  /** Name of its network attachment; absent as the endpoint is. */
  readonly attachmentId: string | undefined;
  /** Where its own connections to this host come from; absent where that is not known. */
  readonly sourceAddress?: string | undefined;
  readonly driver: Driver;
  readonly pid: number;
  /** Of the process, when it is known to have ended. */
  readonly exitStatus?: number | undefined;
}

export type StartPhase = "image" | "snapshot" | "network" | "create" | "start" | "ready";

/** Measures a phase around the work that it covers. */
export type MeasurePhase = <T>(phase: StartPhase, work: () => Promise<T>) => Promise<T>;

export interface StartRequest {
  readonly identity: WorkerIdentity;
  readonly function: FunctionSpec;
  /** Absent: the worker gets none. */
  readonly access?: LambdaAccess | undefined;
  /** Whether an init phase has failed already for whoever waits for this one. */
  readonly initAgain?: boolean;
  /** Told before any of it runs: it may call others while it gets ready. The start waits for it, and fails with it. */
  readonly onPlaced?: ((place: WorkerPlace) => Promise<void> | void) | undefined;
  /** Told once all is made and nothing runs, with the names of its external extensions; as `onPlaced`. */
  readonly onCreated?: ((extensions: readonly string[]) => Promise<void> | void) | undefined;
}

/** What is known of a worker once it has a network and its image has been looked at. */
export interface WorkerPlace {
  readonly driver: Driver;
  /** Where it will be invoked. */
  readonly endpoint: Endpoint;
  readonly sourceAddress: string;
  /** Where it finds the Runtime API; absent: it is not driven over it. */
  readonly runtimeApi?: RuntimeApiAccess | undefined;
}

/** Where a worker finds Lambda's Runtime API. */
export interface RuntimeApiAccess {
  readonly api: Endpoint;
  /** Whether others find it there as well, so that a worker is known by its source address; else it is by the port. */
  readonly isShared: boolean;
}

export interface WorkerStats {
  readonly cpuUsageNs: bigint;
  readonly memoryUsageBytes: bigint;
  /** The most that it has used so far; 0: not known. */
  readonly memoryPeakBytes: bigint;
  readonly memoryLimitBytes: bigint;
  readonly oomKills: bigint;
  readonly pids: bigint;
}

/** What the runtime saw happen to a worker, whoever did it. */
export type RuntimeEvent =
  | { readonly type: "exited"; readonly id: string; readonly pid: number; readonly exitStatus: number }
  | { readonly type: "out-of-memory"; readonly id: string }
  /** One of its extensions has ended: as on AWS, all of the worker ends with it. */
  | {
      readonly type: "extension-ended";
      readonly id: string;
      readonly instanceId: string;
      readonly exitStatus: number;
    }
  | { readonly type: "paused"; readonly id: string }
  | { readonly type: "resumed"; readonly id: string }
  | { readonly type: "removed"; readonly id: string }
  /** Whatever held the worker for the runtime has ended: it can't be frozen, thawed or ended by it any more. */
  | { readonly type: "abandoned"; readonly id: string; readonly pid: number }
  /** Somebody took the worker's network away; the attachment tells it from others of its id. */
  | { readonly type: "network-lost"; readonly id: string; readonly attachmentId: string };

export interface WorkerRuntime extends ContainerRuntime {
  /**
   * Waits until the init phase of a worker ends that is driven over the Runtime API, at once when it has already.
   * @returns what it failed with; undefined: the worker is ready
   * @throws AgentError RUNTIME_UNAVAILABLE when nobody serves the API; WORKER_NOT_FOUND when it is not served to this worker
   */
  initialised(identity: WorkerIdentity, signal: AbortSignal): Promise<FunctionError | undefined>;
}

/** The part of it that knows nothing of what runs in the containers. */
export interface ContainerRuntime {
  /**
   * Makes and starts a worker: image, snapshot, network, container, task. A failure or an abort leaves nothing behind.
   * @throws AgentError of the IMAGE_, NETWORK_, WORKER_START_FAILED and RUNTIME_UNAVAILABLE kinds; with
   * CONTAINER_EXISTS when there is a container of this id already
   */
  start(
    request: StartRequest,
    measure: MeasurePhase,
    signal: AbortSignal,
  ): Promise<RuntimeWorker & { readonly endpoint: Endpoint }>;
  /** The worker of this id, as it is now; undefined when there is none. */
  inspect(id: string, signal: AbortSignal): Promise<RuntimeWorker | undefined>;
  /** All containers of the namespace that are ours. */
  list(signal: AbortSignal): Promise<RuntimeWorker[]>;
  /** Freezes; succeeds when frozen already. @throws AgentError WORKER_NOT_FOUND, WORKER_CONFLICT */
  pause(id: string, signal: AbortSignal): Promise<void>;
  /** Thaws; succeeds when running already. @throws AgentError WORKER_NOT_FOUND, WORKER_CONFLICT */
  resume(id: string, signal: AbortSignal): Promise<void>;
  /**
   * Ends a worker, in whatever state it is, and removes all that was made for it. Once begun it is carried through.
   * @param graceMs time between SIGTERM and SIGKILL
   * @param whose a container under a worker's id that somebody else made goes only when the worker itself is to be made
   * @returns whether there was anything to remove
   * @throws AgentError WORKER_CONFLICT when the container of this id was not made by us
   */
  destroy(id: string, graceMs: number, whose?: "ours" | "anybody's"): Promise<boolean>;
  /** Ends the processes of a worker at once; what follows is told as an end of its own. Succeeds when they have ended. */
  kill(id: string): Promise<void>;
  /** Holds a worker to its share of CPU time, which a start is not held to; frozen ones too. */
  limitCpu(id: string, memoryBytes: number): Promise<void>;
  /** @throws AgentError WORKER_NOT_FOUND */
  stats(id: string, signal: AbortSignal): Promise<WorkerStats>;
  /** Whether it is the worker's own process that listens at an endpoint, where others could as well. */
  isListener(endpoint: Endpoint, pid: number): Promise<boolean>;
  /** Follows what happens from now on; ends with an error when the runtime goes away. */
  events(signal: AbortSignal): AsyncIterable<RuntimeEvent>;
}
