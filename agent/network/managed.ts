import type { WorkerNetwork } from "../containerd/network.ts";

/** A network as the agent's start and end need it; the runtime sees only WorkerNetwork. */
export interface ManagedNetwork extends WorkerNetwork {
  /** This host's address as workers reach it; nothing listens there before `setup`. */
  readonly hostAddress: string;
  /**
   * Brings the host to what workers need; may be repeated, and changes nothing then.
   * @throws AgentError NETWORK_FAILED that says what to do
   */
  setup(signal: AbortSignal): Promise<void>;
  /**
   * Removes what belongs to nobody; after `setup`, also while attachments are taken and released. Failures are logged
   * and skipped.
   * @param inUse ids of the attachments of workers that are there; what was taken in this life is kept besides
   * @returns how many attachments were removed
   */
  sweep(inUse: ReadonlySet<string>): Promise<number>;
  /** Whether nobody took a worker's attachment apart from outside, whoever made it. */
  isIntact(id: string): Promise<boolean>;
  /** Ends what goes on and releases what no worker was given; workers keep what they have. */
  close(): Promise<void>;
  /** Removes everything that was ever made; succeeds when there is nothing. @throws AgentError NETWORK_FAILED */
  teardown(): Promise<void>;
}

/** The part of a logger that is needed here. */
export interface NetworkLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Runs an action once, later; the answer takes it back. */
export type After = (delayMs: number, action: () => void) => () => void;
