import { randomUUID } from "node:crypto";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { invalidName } from "../lambda/function-name.ts";
import { Reply } from "../lambda/reply.ts";
import { largestRequestBytes } from "../lambda/request.ts";
import { addInvokeRoute, type InvokeRouteOptions, unroutableName } from "../lambda/route.ts";
import { LambdaError, toLambdaError } from "./errors.ts";
import { addStatusRoutes, type StatusOptions } from "./status.ts";
import { UnreadableRequests } from "./unreadable.ts";

/** Time for a client to send its head, and head and body, in milliseconds. */
const headWithinMs = 30_000;
const requestWithinMs = 300_000;

export interface AppOptions {
  readonly invoke: InvokeRouteOptions;
  readonly status: StatusOptions;
  /** Told of errors that are ours. */
  readonly onError: (error: unknown, requestId: string) => void;
}

/** The gateway's HTTP side. Bodies arrive as the bytes they are. */
export function createApp(options: AppOptions): FastifyInstance {
  const unreadable = new UnreadableRequests(options.invoke.clock);
  const app = fastify({
    logger: false,
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    bodyLimit: largestRequestBytes,
    requestTimeout: requestWithinMs,
    // Long enough for any name that deserves Lambda's own refusal.
    routerOptions: { maxParamLength: 4096 },
    return503OnClosing: false,
    frameworkErrors: (_error, request, reply) => refuse(request, reply),
    clientErrorHandler: (error, socket) => unreadable.refuse(error, socket),
    // One without a Host is refused below, in Lambda's shape.
    http: { headersTimeout: headWithinMs, requireHostHeader: false },
  });
  unreadable.follow(app.server);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));

  app.addHook("onRequest", (request, reply, done) => {
    const { headers, httpVersion } = request.raw;
    if (options.status.stopping()) reply.raw.shouldKeepAlive = false;
    if (headers.host !== undefined || httpVersion === "1.0") return done();
    reply.raw.shouldKeepAlive = false;
    done(noHost());
  });
  app.setErrorHandler((error, request, reply) => {
    const told = toLambdaError(error);
    if (told.status === 500) options.onError(error, request.id);
    reply.hijack();
    new Reply(reply.raw, request.id).error(told);
  });
  app.setNotFoundHandler(refuse);

  addStatusRoutes(app, options.status);
  addInvokeRoute(app, options.invoke);
  return app;
}

/** RFC 9112 section 3.2. */
function noHost(): LambdaError {
  return new LambdaError("InvalidRequestContentException", "The request is not valid HTTP: it has no Host");
}

/** Answers what has come to no route, or could not be read as a path at all. */
function refuse(request: FastifyRequest, reply: FastifyReply): void {
  reply.hijack();
  const { method = "", url = "" } = request.raw;
  const name = unroutableName(method, url);
  const error =
    name === undefined
      ? new LambdaError("ResourceNotFoundException", `There is no ${method} ${url}`)
      : invalidName(name);
  new Reply(reply.raw, request.id).error(error);
}
