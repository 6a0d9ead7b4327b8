import type { Endpoint } from "../workers/runtime.ts";

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
  /** Files that the worker sees as /etc/resolv.conf and /etc/hosts. */
  readonly resolvConfPath: string;
  readonly hostsPath: string;
}

/** An attachment that somebody took apart from outside. */
export interface LostAttachment {
  readonly id: string;
  /** Where its worker was reached. */
  readonly host: string;
}

/** What the containerd runtime needs of the network (W5). */
export interface WorkerNetwork {
  /** An attachment of its own for one worker. @throws AgentError NETWORK_FAILED, NETWORK_EXHAUSTED */
  take(signal: AbortSignal): Promise<Attachment>;
  /** Takes an attachment apart: succeeds when it is gone already, also after a restart of the agent. */
  release(id: string): Promise<void>;
  /** Whether what listens at an attachment's endpoint is this process, or one that it started. */
  isListener(endpoint: Endpoint, pid: number): Promise<boolean>;
  /** Attachments that are lost from now on, until the signal aborts. */
  losses(signal: AbortSignal): AsyncIterable<LostAttachment>;
}
