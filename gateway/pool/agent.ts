import type { FunctionDefinition } from "../functions/definition.ts";

/** A worker as the agent tells of it. */
export interface WorkerInfo {
  readonly id: string;
  /** Differs for every worker ever made, also when id and address come again. */
  readonly instanceId: string;
  readonly function: string;
  readonly slot: number;
  readonly host: string;
  readonly port: number;
  readonly state: "starting" | "running" | "paused" | "stopped";
  /** When the agent last ensured, froze or thawed it, in milliseconds since 1970. */
  readonly lastAccessMs: number;
  /** Where its own connections to this host come from; absent: not known. */
  readonly sourceAddress?: string;
  /** Who takes its invocations serves it Lambda's Runtime API, and is never frozen; absent: it takes them itself. */
  readonly runtimeApi?: true;
  /** SHA-256 of the token in its environment, in hexadecimal; absent: it has none. */
  readonly tokenDigest?: string;
}

export type StartKind = "cold" | "thawed" | "warm";

export const phaseNames = ["image", "snapshot", "network", "create", "start", "ready"] as const;

/** Milliseconds per phase of a cold start, 0 for what was not needed, and all of it. */
export type StartPhases = Readonly<Record<(typeof phaseNames)[number] | "total", number>>;

export interface EnsuredWorker {
  readonly worker: WorkerInfo;
  readonly kind: StartKind;
  readonly phases: StartPhases;
}

/** What a pool needs of the agent. Every call fails with an AgentCallError, or an AbortError where it has a signal. */
export interface WorkerAgent {
  /** Whether changes of workers are being told as they happen; while not, a frozen worker may be gone unnoticed. */
  readonly live: boolean;
  /** Rejects within 100 ms when the agent, or its containerd, is away. */
  check(): Promise<void>;
  ensure(definition: FunctionDefinition, slot: number, signal: AbortSignal): Promise<EnsuredWorker>;
  pause(worker: WorkerInfo): Promise<void>;
  resume(worker: WorkerInfo): Promise<void>;
  /** @param graceMs between SIGTERM and SIGKILL; absent: the agent's default */
  destroy(worker: WorkerInfo, graceMs?: number): Promise<void>;
}

export type RemovalReason = "unknown" | "destroyed" | "exited" | "out-of-memory" | "replaced" | "network-lost";

/** What the agent tells of this gateway's workers, in order. */
export interface WorkerListener {
  /** All workers there are; what is not among them is gone. */
  onSnapshot(workers: readonly WorkerInfo[]): void;
  onChanged(worker: WorkerInfo): void;
  onRemoved(worker: WorkerInfo, reason: RemovalReason): void;
}
