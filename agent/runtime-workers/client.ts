import { connectivityState } from "@grpc/grpc-js";
import { ClientError, createChannel, createClientFactory, Status } from "nice-grpc";
import { deadlineMiddleware } from "nice-grpc-client-middleware-deadline";
import {
  type Admission,
  RuntimeApiServiceDefinition,
  ShutdownReason,
  WorkerActivity,
} from "../../proto/gen/esb/runtime/v1/runtime.ts";
import { AgentError, type FunctionError } from "../errors.ts";
import type { FeedCall } from "./feed.ts";

/** The process that serves the Runtime API, as far as the agent needs it. A worker is named by its instance. */
export interface RuntimeApi extends Disposable {
  /** @throws AgentError RUNTIME_UNAVAILABLE when it is known that it cannot be called */
  assertReachable(): void;
  /** @throws AgentError RUNTIME_UNAVAILABLE */
  admit(admission: Admission, signal: AbortSignal): Promise<void>;
  /** @throws AgentError RUNTIME_UNAVAILABLE; WORKER_NOT_FOUND for a worker that is not admitted */
  waitReady(instanceId: string, signal: AbortSignal): Promise<FunctionError | undefined>;
  /** Whether something in it still works on an invocation. @throws as `waitReady` */
  isBusy(instanceId: string, signal: AbortSignal): Promise<boolean>;
  exited(instanceId: string, exitStatus: number): Promise<void>;
  /** One of its extensions has ended. */
  extensionExited(instanceId: string, exitStatus: number): Promise<void>;
  /** @returns whether any extension wants to be told of its end, and so needs the time. */
  shutdown(instanceId: string, graceMs: number): Promise<boolean>;
  forget(instanceId: string): Promise<void>;
  /** Instances that are admitted. */
  list(signal: AbortSignal): Promise<string[]>;
  /** Waits until the process can be called, and from then on until it cannot any more. */
  connected(signal: AbortSignal): Promise<void>;
  disconnected(signal: AbortSignal): Promise<void>;
}

/** It answers out of its memory. */
const callTimeoutMs = 5000;
/** A process that has just been started again should serve at once. */
const longestReconnectMs = 500;

/** @param path of its socket */
export function createRuntimeApi(path: string): RuntimeApi & FeedCall {
  const channel = createChannel(`unix://${path}`, undefined, {
    "grpc.initial_reconnect_backoff_ms": 20,
    "grpc.min_reconnect_backoff_ms": 20,
    "grpc.max_reconnect_backoff_ms": longestReconnectMs,
  });
  const client = createClientFactory().use(deadlineMiddleware).create(RuntimeApiServiceDefinition, channel);
  const told = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      throw translate(error, path);
    }
  };
  const deadline = callTimeoutMs;
  return {
    assertReachable() {
      if (channel.getConnectivityState(true) === connectivityState.TRANSIENT_FAILURE) throw unavailable(path);
    },
    async admit(worker, signal) {
      await told(client.admit({ worker }, { signal, deadline }));
    },
    async waitReady(instanceId, signal) {
      return (await told(client.waitReady({ instanceId }, { signal }))).failure;
    },
    async isBusy(instanceId, signal) {
      const { activity } = await told(client.getState({ instanceId }, { signal, deadline }));
      return activity === WorkerActivity.BUSY || activity === WorkerActivity.INIT;
    },
    async exited(instanceId, exitStatus) {
      await told(client.exited({ instanceId, exitStatus }, { deadline }));
    },
    async extensionExited(instanceId, exitStatus) {
      await told(client.extensionExited({ instanceId, exitStatus }, { deadline }));
    },
    async shutdown(instanceId, graceMs) {
      const reason = ShutdownReason.SPINDOWN;
      return (await told(client.shutdown({ instanceId, reason, graceMs }, { deadline }))).extensions > 0;
    },
    async forget(instanceId) {
      await told(client.forget({ instanceId }, { deadline }));
    },
    async list(signal) {
      const { workers } = await told(client.list({}, { signal, deadline }));
      return workers.flatMap(({ admission }) => admission?.instanceId ?? []);
    },
    feed: (news, signal) => client.feed(news, { signal }),
    connected: (signal) => untilState(channel, signal, (state) => state === connectivityState.READY),
    disconnected: (signal) => untilState(channel, signal, (state) => state !== connectivityState.READY),
    [Symbol.dispose]: () => channel.close(),
  };
}

type Channel = ReturnType<typeof createChannel>;

/** How long one wait for a change may take; there is no other way to be told that nobody waits any more. */
const watchMs = 1000;

async function untilState(channel: Channel, signal: AbortSignal, isWanted: (state: number) => boolean): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const state = channel.getConnectivityState(true);
    if (isWanted(state)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    // Also a time-out: the next look will tell.
    channel.watchConnectivityState(state, Date.now() + watchMs, () => resolve());
    await promise;
  }
}

function translate(error: unknown, path: string): unknown {
  if (!(error instanceof ClientError)) return error;
  if (error.code === Status.NOT_FOUND) {
    return new AgentError("WORKER_NOT_FOUND", "the Runtime API is not served to this worker", { cause: error });
  }
  if (error.code === Status.UNAVAILABLE || error.code === Status.DEADLINE_EXCEEDED) {
    return unavailable(path, error);
  }
  return new Error(`the process that serves the Runtime API: ${error.details}`, { cause: error });
}

function unavailable(path: string, cause?: unknown): AgentError {
  const message = `the process that serves Lambda's Runtime API does not answer at ${path}`;
  return new AgentError("RUNTIME_UNAVAILABLE", `${message}: functions with a Lambda runtime cannot start`, { cause });
}
