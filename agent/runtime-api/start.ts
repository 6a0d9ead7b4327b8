import { chmod } from "node:fs/promises";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer } from "nice-grpc";
import { HealthDefinition, HealthServiceImpl, HealthState } from "nice-grpc-server-health";
import type { Logger } from "../../common/logger.ts";
import { RuntimeApiServiceDefinition } from "../../proto/gen/esb/runtime/v1/runtime.ts";
import { listenAt } from "../server/listen.ts";
import { runtimeApiService } from "./control.ts";
import type { FunctionFailure } from "./failures.ts";
import { drop } from "./http/body.ts";
import { extensionPrefix, onExtensionRequest } from "./http/extension-api.ts";
import { Invocations } from "./http/invocations.ts";
import { refuse } from "./http/reply.ts";
import { onRuntimeRequest, runtimePrefix } from "./http/runtime-api.ts";
import { createConnectionServer, oneAtATime } from "./http/server.ts";
import { onTelemetryRequest, telemetryFormat } from "./http/telemetry-api.ts";
import { WorkerSession } from "./session.ts";
import { Batches } from "./telemetry/batches.ts";
import { Feed } from "./telemetry/feed.ts";
import type { TelemetryFormat } from "./telemetry/item.ts";
import { sender } from "./telemetry/send.ts";
import type { Subscription } from "./telemetry/subscription.ts";
import { Telemetry } from "./telemetry/telemetry.ts";
import { toWorker, Workers } from "./workers.ts";

/** AWS's clients put a trace of an error, up to 1 MB of it, into one header. In bytes. */
const mostRuntimeHeaderBytes = 1_280 * 1024;
const mostInvocationHeaderBytes = 64 * 1024;
/** A worker that is driven otherwise can try as often as it likes; the log tells of one now and then. */
const strangersEveryMs = 1000;

export interface RuntimeApiOptions {
  /** Where the agent's calls are taken: path of a unix socket, which only its owner may use. */
  readonly controlPath: string;
  readonly logger: Logger;
}

/** The process that serves the Runtime API (L3), put together; @throws ConfigurationError when another one runs */
export async function startRuntimeApi({ controlPath, logger }: RuntimeApiOptions): Promise<AsyncDisposable> {
  const invocations = new Invocations(Date.now);
  let strangerToldMs = Number.NEGATIVE_INFINITY;
  const telemetry = new WeakMap<WorkerSession, Subscribe>();
  const feed = new Feed();
  const workers: Workers = new Workers({
    runtimeServer: createConnectionServer(mostRuntimeHeaderBytes, oneAtATime(forSession(onWorkerRequest(telemetry)))),
    invocationServer: createConnectionServer(
      mostInvocationHeaderBytes,
      forSession((session, request, response) => invocations.onRequest(session, request, response)),
    ),
    createSession: (admission) => {
      const worker = toWorker(admission);
      const observer = new Telemetry(worker, {
        now: monotonicMs,
        epochMs: Date.now,
        after,
        feed,
        whenQuiet: (callback) => session.whenQuiet(callback),
      });
      const onInitFailed = ({ errorType, errorMessage }: FunctionFailure) =>
        logger.warn({ worker: worker.workerId, errorType, errorMessage }, "a worker's init phase failed");
      const session: WorkerSession = new WorkerSession(worker, { now: monotonicMs, after, observer, onInitFailed });
      // Without an address of its own a worker shares this host's.
      const subscribe = subscriptions(observer, admission.sourceAddress || "127.0.0.1");
      telemetry.set(session, subscribe);
      return session;
    },
    onStranger: (address) => {
      if (monotonicMs() - strangerToldMs < strangersEveryMs) return;
      strangerToldMs = monotonicMs();
      logger.warn({ address }, "a connection from an address that is no worker's is refused");
    },
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
  control.add(RuntimeApiServiceDefinition, runtimeApiService(workers, feed, Date.now));
  await listenAt(`unix://${controlPath}`, (address) => control.listen(address), "ESB_RUN_DIR");
  await chmod(controlPath, 0o600);
  return {
    async [Symbol.asyncDispose]() {
      control.forceShutdown();
      await workers.close();
    },
  };
}

type Subscribe = (extension: string, subscription: Subscription, format: TelemetryFormat) => boolean;

/** Takes a worker's subscriptions; what comes of them goes to the worker's own address and nowhere else. */
function subscriptions(telemetry: Telemetry, host: string): Subscribe {
  return (extension, { types, buffering, port, path }, format) => {
    const batches = new Batches({ ...buffering, after, lost: logsDropped, ...sender(host, port, path) });
    return telemetry.subscribe(extension, types, format, batches);
  };
}

/** telemetry-schema-reference.html, platform.logsDropped. */
function logsDropped(droppedRecords: number, droppedBytes: number): object {
  const record = { reason: "The receiver was too slow", droppedRecords, droppedBytes };
  return { time: new Date().toISOString(), type: "platform.logsDropped", record };
}

function onWorkerRequest(telemetry: WeakMap<WorkerSession, Subscribe>) {
  return (session: WorkerSession, request: IncomingMessage, response: ServerResponse) => {
    const { url = "" } = request;
    if (url.startsWith(runtimePrefix)) {
      onRuntimeRequest(session, url.slice(runtimePrefix.length), request, response);
    } else if (url.startsWith(extensionPrefix)) {
      onExtensionRequest(session, url.slice(extensionPrefix.length), request, response);
    } else {
      const format = telemetryFormat(url);
      const subscribe = telemetry.get(session);
      if (format === undefined || subscribe === undefined) {
        drop(request);
        refuse(response, "notFound");
      } else {
        onTelemetryRequest(session, (name, wanted) => subscribe(name, wanted, format), request, response);
      }
    }
  };
}

function monotonicMs(): number {
  return performance.now();
}

function after(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}
