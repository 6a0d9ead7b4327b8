import type { FastifyInstance } from "fastify";
import type { AgentHealth } from "../agent/health.ts";
import type { FileStatus } from "../files/file-status.ts";
import type { Metrics } from "./metrics.ts";

export interface StatusOptions {
  readonly metrics: Metrics;
  readonly checkAgent: () => Promise<AgentHealth>;
  /** functions.yml: its path, how many functions hold, and why the file as it is now does not. */
  readonly functions: () => FileStatus;
  /** routing.yml: its path, how many routes hold, and why the file as it is now does not. */
  readonly routing: () => FileStatus;
  /** The files with credentials and keys and the issuer elsewhere, as far as there are such; never a secret. */
  readonly auth: () => object;
  /** Until when the certificates, for clients and for the agent, are valid, and why their files do not hold; nothing without TLS. */
  readonly listener: () => object;
  /** Whether the gateway is going down. */
  readonly stopping: () => boolean;
}

/** G1: /health (alive), /ready (can serve), /metrics (Prometheus). */
export function addStatusRoutes(app: FastifyInstance, options: StatusOptions): void {
  app.get("/health", () => ({ status: "ok" }));

  app.get("/ready", async (_request, reply) => {
    const health = await options.checkAgent();
    const stopping = options.stopping();
    const ready = !stopping && health.agent.available && health.containerd?.available === true;
    return reply.code(ready ? 200 : 503).send({
      ready,
      ...(stopping ? { stopping } : {}),
      ...health,
      functions: options.functions(),
      routing: options.routing(),
      ...options.auth(),
      ...options.listener(),
    });
  });

  app.get("/metrics", async (_request, reply) => {
    const { registry } = options.metrics;
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}
