import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { RoutingTable } from "../routing/definition.ts";
import { type DocumentedApi, toDocument } from "./document.ts";
import { openPage } from "./page.ts";

export interface ApiDocumentOptions extends Omit<DocumentedApi, "routes"> {
  readonly table: () => RoutingTable;
  /** `https://host:port` as the client sees it; undefined: it has not said. */
  readonly originOf: (message: IncomingMessage) => string | undefined;
}

const page = "/docs";
const method = ["GET", "HEAD"];

/** The API for programs at `/openapi.json`, and for readers at `/docs`. */
export function addApiDocumentRoutes(app: FastifyInstance, { table, originOf, ...api }: ApiDocumentOptions): void {
  let known: { readonly table: RoutingTable; readonly text: string } | undefined;
  const send = (reply: FastifyReply, server?: string) => {
    const current = table();
    // Made anew only when the routes are others: a thousand of them take a while.
    if (known?.table !== current) known = { table: current, text: JSON.stringify(toDocument({ ...api, ...current })) };
    const servers = server === undefined ? "" : `"servers":${JSON.stringify([{ url: server }])},`;
    const text = `{${servers}${known.text.slice(1)}`;
    return reply.header("cache-control", "no-cache").type("application/json; charset=utf-8").send(text);
  };
  app.route({
    method,
    url: "/openapi.json",
    handler: (request, reply) => send(reply, originOf(request.raw)),
  });
  // The page's own: its server is where it comes from, behind whatever proxy (OpenAPI's default).
  app.route({ method, url: `${page}/json`, handler: (_request, reply) => send(reply) });

  let opened: Promise<FastifyInstance> | undefined;
  app.addHook("onClose", async () => {
    await (await opened)?.close();
  });
  for (const url of [page, `${page}/*`]) {
    app.route({
      method,
      url,
      handler: async (request, reply) => {
        opened ??= openPage(page);
        const { routing } = await opened;
        reply.hijack();
        routing(request.raw, reply.raw);
      },
    });
  }
}
