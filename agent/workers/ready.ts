import { connect } from "node:net";
import { delay } from "../../common/delay.ts";
import { AgentError } from "../errors.ts";
import type { Endpoint } from "./runtime.ts";

export interface ReadyOptions {
  readonly timeoutMs: number;
  /** Rejects when the worker's process ends before it listens. */
  readonly exited: Promise<never>;
  readonly signal: AbortSignal;
  /** Whether it is the worker that listens: on a network that it shares, somebody else may have been quicker. */
  readonly isOwn: () => Promise<boolean>;
}

/** Of a connection to this machine, when all that is left to learn is whether it is taken. */
const lookMs = 100;

/** Somebody else listens where the worker should. */
export class PortTakenError extends AgentError {
  constructor(port: number, options: ErrorOptions) {
    super("NETWORK_FAILED", `another program took port ${port} before the worker listened on it`, options);
  }
}

/**
 * Waits until something listens at the endpoint. A refused connection is tried again at once at first and more and
 * more slowly after: most workers listen within milliseconds, and a slow one should not cost a processor.
 * @throws PortTakenError; AgentError WORKER_NOT_READY after the timeout; whatever `exited` rejects with; the signal's reason
 */
export async function waitUntilListening(endpoint: Endpoint, options: ReadyOptions): Promise<void> {
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  try {
    await Promise.race([options.exited, pollUntilListening(endpoint, options, signal)]);
  } catch (error) {
    // A worker whose port is taken ends at once, or never listens: that is not what its author has to mend.
    if (options.signal.aborted || !(await listens(endpoint, lookMs, signal)) || (await options.isOwn())) throw error;
    throw new PortTakenError(endpoint.port, { cause: error });
  } finally {
    ended.abort();
  }
}

async function pollUntilListening(
  endpoint: Endpoint,
  { timeoutMs, isOwn }: ReadyOptions,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 1.3, 50)) {
    const listening = await listens(endpoint, Math.max(1, deadline - performance.now()), signal);
    signal.throwIfAborted();
    if (listening && (await isOwn())) return;
    if (performance.now() + pauseMs > deadline) {
      throw new AgentError(
        "WORKER_NOT_READY",
        `nothing listened on port ${endpoint.port} within ${timeoutMs} ms of the start`,
      );
    }
    await delay(pauseMs, signal);
  }
}

/** Failures that are this machine's, and say nothing of the worker. */
const ownFailures: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "EADDRNOTAVAIL"]);

/**
 * One attempt to connect. A failure, a time-out or an abort included, says no: the caller knows when to give up.
 * @throws Error when it could not even be tried, for want of file descriptors for instance
 */
function listens(endpoint: Endpoint, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const socket = connect({ host: endpoint.host, port: endpoint.port, signal });
  socket.setTimeout(timeoutMs);
  const settle = (answer: boolean) => {
    socket.destroy();
    resolve(answer);
  };
  socket.once("connect", () => settle(true));
  socket.once("timeout", () => settle(false));
  // Not `once`: an abort and a refusal can both be told, and an error that nobody listens to would end the process.
  socket.on("error", (error: NodeJS.ErrnoException) => {
    if (ownFailures.has(error.code ?? "")) reject(error);
    settle(false);
  });
  return promise;
}
