import type { FunctionFailure } from "./failures.ts";
import type { Invocation } from "./invocation.ts";

/** What the agent has told of a worker. */
export interface Worker {
  readonly workerId: string;
  readonly instanceId: string;
  readonly functionName: string;
  readonly functionVersion: string;
  readonly functionArn: string;
  readonly handler: string;
  readonly timeoutMs: number;
  readonly memoryMib: number;
  readonly initTimeoutMs: number;
  readonly extensions: readonly string[];
  readonly accountId: string;
}

export interface InitFailure extends FunctionFailure {
  /** As the runtime sent it; empty: it sent none. */
  readonly payload: Buffer;
}

export interface InitResult {
  readonly failure: InitFailure | undefined;
  /** From the first time that somebody waited for it. */
  readonly initMs: number;
}

/** As far as telemetry tells of it. */
export interface RegisteredExtension {
  readonly name: string;
  readonly events: readonly string[];
  /** Whether it has asked for its first event. */
  readonly waiting: boolean;
}

/** Hears what happens, for telemetry. */
export interface SessionObserver {
  initStarted(): void;
  initEnded(failure: FunctionFailure | undefined, extensions: Iterable<RegisteredExtension>): void;
  started(invocation: Invocation): void;
  /** The runtime has answered, or never will. `bytes` of the answer. */
  runtimeDone(invocation: Invocation, failure: string | undefined, bytes: number): void;
  /** The worker has been asked to end. */
  ending(): void;
  /** The worker is forgotten. */
  closed(): void;
}

export interface SessionParts {
  readonly now: () => number;
  /** Calls back after so many milliseconds; returns what cancels that. */
  readonly after: (ms: number, callback: () => void) => () => void;
  readonly observer: SessionObserver;
  readonly onInitFailed: (failure: FunctionFailure) => void;
}
