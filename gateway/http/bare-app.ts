import { randomUUID } from "node:crypto";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { largestRequestBytes } from "../lambda/request.ts";
import { type ListenerOptions, serverFactory } from "./server.ts";

/** What each of the gateway's listeners begins with: no routes yet. Bodies arrive as the bytes they are. */
export function createBareApp(
  listener: ListenerOptions,
  elsewhere: (request: FastifyRequest, reply: FastifyReply) => void,
): FastifyInstance {
  const app = fastify({
    logger: false,
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    bodyLimit: largestRequestBytes,
    // Long enough for any name that deserves Lambda's own refusal.
    routerOptions: { maxParamLength: 4096 },
    return503OnClosing: false,
    frameworkErrors: (_error, request, reply) => elsewhere(request, reply),
    // What is not HTTP does not come as far as fastify.
    clientErrorHandler: () => undefined,
    serverFactory: serverFactory(listener),
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.setNotFoundHandler(elsewhere);
  return app;
}
