import type { Endpoint, RuntimeApiAccess } from "../workers/runtime.ts";

/** What a worker's container needs to know of its network. */
export interface Attachment {
  /** Names the attachment in `release` and in the container's labels. */
  readonly id: string;
  /** Network namespace to join; undefined: the host's own. */
  readonly namespacePath: string | undefined;
  /** Where the worker will be reached. */
  readonly endpoint: Endpoint;
  /** Where the worker's own connections to this host come from. */
  readonly sourceAddress: string;
  /** How the Runtime API is served to the worker; absent where it was not asked for. */
  readonly runtimeApi?: RuntimeApiPlace | undefined;
  /** Files that the worker sees as /etc/resolv.conf and /etc/hosts. */
  readonly resolvConfPath: string;
  readonly hostsPath: string;
}

/** Where a worker that is driven over the Runtime API finds it, and where it is invoked in its stead. */
export interface RuntimeApiPlace extends RuntimeApiAccess {
  readonly endpoint: Endpoint;
}

/** An attachment that somebody took apart from outside. */
export interface LostAttachment {
  readonly id: string;
  /** Where its worker was reached. */
  readonly host: string;
}

/** What the containerd runtime needs of the network (W5). */
export interface WorkerNetwork {
  /**
   * An attachment of its own for one worker.
   * @param wants `runtime-api`: the worker is driven over it
   * @throws AgentError NETWORK_FAILED, NETWORK_EXHAUSTED
   */
  take(signal: AbortSignal, wants?: "runtime-api"): Promise<Attachment>;
  /** Takes an attachment apart: succeeds when it is gone already, also after a restart of the agent. */
  release(id: string): Promise<void>;
  /** Whether what listens at an attachment's endpoint is this process, or one that it started. */
  isListener(endpoint: Endpoint, pid: number): Promise<boolean>;
  /** Attachments that are lost from now on, until the signal aborts. */
  losses(signal: AbortSignal): AsyncIterable<LostAttachment>;
}
