import { createServer, type Server } from "nice-grpc";
import type { ServerMiddleware } from "nice-grpc-common";
import { HealthDefinition, HealthServiceImpl, HealthState } from "nice-grpc-server-health";
import { ServerReflection, ServerReflectionService } from "nice-grpc-server-reflection";
import type { Logger } from "../../common/logger.ts";
import { AgentServiceDefinition, ImageServiceDefinition } from "../../proto/gen/esb/agent/v1/agent.ts";
import type { OwnerPresence } from "../workers/owners.ts";
import type { WorkerService } from "../workers/service.ts";
import { errorMiddleware } from "./errors.ts";
import type { LogFollower } from "./follow-logs.ts";
import { type Images, imageService } from "./images.ts";
import type { LogReader } from "./logs.ts";
import { type AgentServiceParts, agentService, type Readiness } from "./workers.ts";

export interface ServerParts {
  readonly workers: WorkerService;
  readonly images: Images;
  readonly ready: Readiness;
  readonly presence: Pick<OwnerPresence, "enter">;
  readonly logs: LogReader;
  readonly logFollower: LogFollower;
  readonly workerApi: AgentServiceParts["workerApi"];
  readonly logger: Logger;
  /** A FileDescriptorSet of the contract; undefined: no reflection. */
  readonly descriptors: Uint8Array | undefined;
}

export interface AgentServer {
  readonly server: Server;
  /** Says whether the agent can work; that the process lives is always said. */
  setServing(serving: boolean): void;
  /** Takes no more calls, ends every Watch, Logs and FollowLogs, and lets the others end by themselves; those that have not by then are cut. */
  end(graceMs: number): Promise<void>;
}

const channelOptions = {
  "grpc.max_receive_message_length": 4 * 1024 * 1024,
  // A gateway whose machine lost its power closes no connection, and would count as present for ever (S6).
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 20_000,
};

/** The agent's gRPC server (W1), not yet listening. */
export function createAgentServer(parts: ServerParts): AgentServer {
  const ending = new AbortController();
  /** Of the runtime, as far as callers are concerned. */
  let life = new AbortController();
  const server = createServer(channelOptions).use(endWatches(ending.signal));
  const health = HealthState();
  const services = [AgentServiceDefinition.fullName, ImageServiceDefinition.fullName];
  const setServing = (serving: boolean) => {
    for (const service of services) health.setStatus(serving ? "healthy" : "unhealthy", service);
    if (serving) return;
    life.abort();
    life = new AbortController();
  };
  health.setStatus("healthy");
  setServing(false);

  server.add(HealthDefinition, HealthServiceImpl(health));
  if (parts.descriptors !== undefined) {
    server.add(ServerReflectionService, ServerReflection(parts.descriptors, services));
  }
  const mapped = errorMiddleware(parts.logger, parts.ready);
  server.with(mapped).add(AgentServiceDefinition, agentService({ ...parts, outage: () => life.signal }));
  server.with(mapped).add(ImageServiceDefinition, imageService(parts.images, parts.ready));
  return {
    server,
    setServing,
    async end(graceMs) {
      setServing(false);
      const forced = setTimeout(() => server.forceShutdown(), graceMs);
      const ended = server.shutdown();
      ending.abort();
      await ended;
      clearTimeout(forced);
    },
  };
}

/** A Watch, ours or the health service's, a Logs that follows and a FollowLogs last until somebody ends them: at our end, that is we. */
function endWatches(ending: AbortSignal): ServerMiddleware {
  return async function* endWatch(call, context) {
    const signal = /\/(Watch|Logs|FollowLogs)$/.test(call.method.path)
      ? AbortSignal.any([context.signal, ending])
      : context.signal;
    return yield* call.next(call.request, { ...context, signal });
  };
}
