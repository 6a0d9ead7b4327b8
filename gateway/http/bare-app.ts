import { randomUUID } from "node:crypto";
import {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  type RawRequestDefaultExpression,
} from "fastify";
import { largestRequestBytes } from "../lambda/request.ts";
import { type ListenerOptions, serverFactory } from "./server.ts";

/**
 * What each of the gateway's listeners begins with: no routes yet. Bodies arrive as the bytes they are.
 * @param pathOf tells which path a request is for, where that is not the one that it names
 */
export function createBareApp(
  listener: ListenerOptions,
  elsewhere: (request: FastifyRequest, reply: FastifyReply) => void,
  pathOf?: (request: RawRequestDefaultExpression) => string,
): FastifyInstance {
  const app = fastify({
    logger: false,
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    bodyLimit: largestRequestBytes,
    // Long enough for any name that deserves Lambda's own refusal.
    routerOptions: { maxParamLength: 4096 },
    return503OnClosing: false,
    ...(pathOf && { rewriteUrl: (request: RawRequestDefaultExpression) => pathOf(request) }),
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
