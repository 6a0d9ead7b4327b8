import { chmod } from "node:fs/promises";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer } from "nice-grpc";
import { HealthDefinition, HealthServiceImpl, HealthState } from "nice-grpc-server-health";
import type { Logger } from "../../common/logger.ts";
import { RuntimeApiServiceDefinition } from "../../proto/gen/esb/runtime/v1/runtime.ts";
import { listenAt } from "../server/listen.ts";
import { runtimeApiService } from "./control.ts";
import { extensionPrefix, onExtensionRequest } from "./http/extension-api.ts";
import { Invocations } from "./http/invocations.ts";
import { refuse } from "./http/reply.ts";
import { onRuntimeRequest, runtimePrefix } from "./http/runtime-api.ts";
import { createConnectionServer } from "./http/server.ts";
import { WorkerSession } from "./session.ts";
import { loggedInit } from "./telemetry/observer.ts";
import { toWorker, Workers } from "./workers.ts";

/** AWS's clients put a trace of an error, up to 1 MB of it, into one header. In bytes. */
const mostRuntimeHeaderBytes = 1_280 * 1024;
const mostInvocationHeaderBytes = 64 * 1024;

export interface RuntimeApiOptions {
  /** Where the agent's calls are taken: path of a unix socket, which only its owner may use. */
  readonly controlPath: string;
  readonly logger: Logger;
}

/** The process that serves the Runtime API (L3), put together; @throws ConfigurationError when another one runs */
export async function startRuntimeApi({ controlPath, logger }: RuntimeApiOptions): Promise<AsyncDisposable> {
  const invocations = new Invocations(Date.now);
  const workers: Workers = new Workers({
    runtimeServer: createConnectionServer(mostRuntimeHeaderBytes, forSession(onWorkerRequest)),
    invocationServer: createConnectionServer(
      mostInvocationHeaderBytes,
      forSession((session, request, response) => invocations.onRequest(session, request, response)),
    ),
    createSession: (admission) => {
      const worker = toWorker(admission);
      const observer = loggedInit(logger, worker.workerId);
      return new WorkerSession(worker, { now: () => performance.now(), after, observer });
    },
    onStranger: (address) => logger.warn({ address }, "a connection from an address that is no worker's is refused"),
  });

  function forSession(
    handle: (session: WorkerSession, request: IncomingMessage, response: ServerResponse) => void,
  ): RequestListener {
    return (request, response) => {
      const session = workers.sessionOf(request.socket);
      if (session === undefined) request.socket.destroy();
      else handle(session, request, response);
    };
  }

  const control = createServer();
  const health = HealthState();
  health.setStatus("healthy");
  health.setStatus("healthy", RuntimeApiServiceDefinition.fullName);
  control.add(HealthDefinition, HealthServiceImpl(health));
  control.add(RuntimeApiServiceDefinition, runtimeApiService(workers, Date.now));
  await listenAt(`unix://${controlPath}`, (address) => control.listen(address), "ESB_RUN_DIR");
  await chmod(controlPath, 0o600);
  return {
    async [Symbol.asyncDispose]() {
      control.forceShutdown();
      await workers.close();
    },
  };
}

function onWorkerRequest(session: WorkerSession, request: IncomingMessage, response: ServerResponse): void {
  const { url = "" } = request;
  if (url.startsWith(runtimePrefix)) {
    onRuntimeRequest(session, url.slice(runtimePrefix.length), request, response);
  } else if (url.startsWith(extensionPrefix)) {
    onExtensionRequest(session, url.slice(extensionPrefix.length), request, response);
  } else {
    request.resume();
    refuse(response, "notFound");
  }
}

function after(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}
