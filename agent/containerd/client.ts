import {
  ChannelCredentials,
  type Client,
  ClientError,
  type ClientMiddleware,
  type CompatServiceDefinition,
  createChannel,
  createClientFactory,
  Metadata,
  Status,
} from "nice-grpc";
import { type DeadlineOptions, deadlineMiddleware } from "nice-grpc-client-middleware-deadline";
import { ContainersDefinition } from "../../proto/gen/containerd/services/containers/v1/containers.ts";
import { ContentDefinition } from "../../proto/gen/containerd/services/content/v1/content.ts";
import { DiffDefinition } from "../../proto/gen/containerd/services/diff/v1/diff.ts";
import { EventsDefinition } from "../../proto/gen/containerd/services/events/v1/events.ts";
import { ImagesDefinition } from "../../proto/gen/containerd/services/images/v1/images.ts";
import { LeasesDefinition } from "../../proto/gen/containerd/services/leases/v1/leases.ts";
import { NamespacesDefinition } from "../../proto/gen/containerd/services/namespaces/v1/namespace.ts";
import { SnapshotsDefinition } from "../../proto/gen/containerd/services/snapshots/v1/snapshots.ts";
import { TasksDefinition } from "../../proto/gen/containerd/services/tasks/v1/tasks.ts";
import { VersionDefinition } from "../../proto/gen/containerd/services/version/v1/version.ts";
import { AgentError } from "../errors.ts";

export interface ContainerdClientOptions {
  /** Path of containerd's socket. */
  readonly address: string;
  /** containerd namespace that every call is about. */
  readonly namespace: string;
  /** How long an ordinary call may take, unless its own `deadline` option says otherwise. */
  readonly callTimeoutMs?: number;
}

const defaultCallTimeoutMs = 30_000;
const messageLimitBytes = 16 * 1024 * 1024;

/** Calls that last as long as what they wait for; their caller's signal ends them. */
const unboundedCalls = new Set(["/containerd.services.tasks.v1.Tasks/Wait", "/containerd.services.diff.v1.Diff/Apply"]);

export type ContainerdClient = ReturnType<typeof createContainerdClient>;

/**
 * Typed clients of containerd's services over one connection, which is made with the first call and made anew when
 * containerd comes back. Calls take `signal`, `metadata` and `deadline` (milliseconds) as options and fail with
 * nice-grpc's ClientError, or an AbortError when the signal aborts.
 */
export function createContainerdClient(options: ContainerdClientOptions) {
  const { address, namespace, callTimeoutMs = defaultCallTimeoutMs } = options;
  const channel = createChannel(`unix://${address}`, ChannelCredentials.createInsecure(), {
    "grpc.max_receive_message_length": messageLimitBytes,
    "grpc.max_send_message_length": messageLimitBytes,
    "grpc.initial_reconnect_backoff_ms": 50,
    "grpc.max_reconnect_backoff_ms": 1000,
    "grpc.use_local_subchannel_pool": 1,
    // No keepalive pings: the end of a unix socket is seen at once, and containerd answers frequent pings with GOAWAY.
  });
  const factory = createClientFactory().use(deadlineMiddleware).use(callDefaults(namespace, callTimeoutMs));
  const create = <S extends CompatServiceDefinition>(definition: S): Client<S, DeadlineOptions> =>
    factory.create(definition, channel);
  const namespaces = create(NamespacesDefinition);

  return {
    address,
    namespace,
    containers: create(ContainersDefinition),
    content: create(ContentDefinition),
    diff: create(DiffDefinition),
    events: create(EventsDefinition),
    images: create(ImagesDefinition),
    leases: create(LeasesDefinition),
    namespaces,
    snapshots: create(SnapshotsDefinition),
    tasks: create(TasksDefinition),
    version: create(VersionDefinition),

    /** Makes the namespace if it is absent, so that it carries our label. */
    async ensureNamespace(signal?: AbortSignal): Promise<void> {
      try {
        const labels = { created_by: "edge-serverless-box" };
        await namespaces.create({ namespace: { name: namespace, labels } }, signal ? { signal } : {});
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
      }
    },

    /** What to throw in place of a call's error: see `translate`. */
    translate: (error: unknown, context: string): unknown => translate(error, context, address),

    close(): void {
      channel.close();
    },
    [Symbol.dispose](): void {
      channel.close();
    },
  };
}

function callDefaults(namespace: string, callTimeoutMs: number): ClientMiddleware<object, DeadlineOptions> {
  return async function* callDefaultsMiddleware(call, options) {
    const metadata = Metadata(options.metadata).set("containerd-namespace", namespace);
    const bounded = !call.requestStream && !call.responseStream && !unboundedCalls.has(call.method.path);
    const deadline = options.deadline ?? (bounded ? callTimeoutMs : undefined);
    return yield* call.next(call.request, { ...options, metadata, ...(deadline === undefined ? {} : { deadline }) });
  };
}

/** Call options under which whatever the call makes is protected from garbage collection by a lease. */
export function withLease(leaseId: string): { metadata: Metadata } {
  return { metadata: Metadata({ "containerd-lease": leaseId }) };
}

/**
 * A call's error as the agent reports it: RUNTIME_UNAVAILABLE when containerd does not answer; aborts and AgentErrors
 * as they are; anything else as a plain Error (so its detail stays in the log) with `context`, such as "creating the
 * task of hello-0", before containerd's words.
 */
export function translate(error: unknown, context: string, address: string): unknown {
  if (!(error instanceof ClientError)) return error;
  if (error.code === Status.UNAVAILABLE) {
    return new AgentError("RUNTIME_UNAVAILABLE", `containerd at ${address} does not answer`, { cause: error });
  }
  if (error.code === Status.DEADLINE_EXCEEDED) {
    return new AgentError("RUNTIME_UNAVAILABLE", `${context}: containerd at ${address} did not answer in time`, {
      cause: error,
    });
  }
  return new Error(`${context}: ${error.details}`, { cause: error });
}

export function isNotFound(error: unknown): boolean {
  return hasStatus(error, Status.NOT_FOUND);
}

export function isAlreadyExists(error: unknown): boolean {
  return hasStatus(error, Status.ALREADY_EXISTS);
}

export function isFailedPrecondition(error: unknown): boolean {
  return hasStatus(error, Status.FAILED_PRECONDITION);
}

/** The shim itself has said no, in whatever words: it was reached, and has done nothing. */
export function isRefusal(error: unknown): boolean {
  return isFailedPrecondition(error) || (hasStatus(error, Status.UNKNOWN) && !isShimGone(error));
}

/** The shim has died, and containerd has not cleaned up behind it yet: soon it knows of no such task. */
export function isShimGone(error: unknown): boolean {
  return hasStatus(error, Status.UNKNOWN) && error instanceof ClientError && error.details.includes("ttrpc: closed");
}

function hasStatus(error: unknown, status: Status): boolean {
  return error instanceof ClientError && error.code === status;
}
