import type { FastifyInstance } from "fastify";
import { takeTokenFromPath } from "../auth/callers/token-path.ts";
import { addLogsRoute, type LogsRouteOptions } from "../cloudwatch-logs/route.ts";
import { refuse, refuseUnrouted } from "../lambda/refusals.ts";
import { addInvokeRoute, type InvokeRouteOptions } from "../lambda/route.ts";
import { createBareApp } from "./bare-app.ts";
import type { ListenerOptions } from "./server.ts";

export interface WorkerAppOptions {
  readonly invoke: InvokeRouteOptions;
  readonly logs: Omit<LogsRouteOptions, "onError">;
  readonly listener: ListenerOptions;
  /** Told of errors that are ours. */
  readonly onError: (error: unknown, requestId: string) => void;
}

/** The gateway's HTTP side towards its own workers: Lambda's Invoke and CloudWatch Logs, and nothing else of what clients get. */
export function createWorkerApp({ invoke, logs, listener, onError }: WorkerAppOptions): FastifyInstance {
  const app = createBareApp(listener, refuseUnrouted, takeTokenFromPath);
  app.setErrorHandler((error, request, reply) => refuse(error, request, reply, onError));
  addInvokeRoute(app, invoke);
  addLogsRoute(app, { ...logs, onError });
  return app;
}
