import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { addSignInRoutes, type SignInRouteOptions } from "../auth/sign-in/routes.ts";
import { invalidName } from "../lambda/function-name.ts";
import { Reply } from "../lambda/reply.ts";
import { largestRequestBytes } from "../lambda/request.ts";
import { addInvokeRoute, type InvokeRouteOptions, unroutableName } from "../lambda/route.ts";
import { type ApiDocumentOptions, addApiDocumentRoutes } from "../openapi/routes.ts";
import { LambdaError, toLambdaError } from "./errors.ts";
import { type ListenerOptions, serverFactory } from "./server.ts";
import { addStatusRoutes, type StatusOptions } from "./status.ts";

/** All of Lambda's API is under this; what is there and is not served is refused in its shape. */
const lambdaPrefix = "/2015-03-31/";

/** Serves what is not esb's own. */
export interface Door {
  /** @param id a UUID */
  serve(message: IncomingMessage, response: ServerResponse, id: string): void;
  refuse(message: IncomingMessage, response: ServerResponse, id: string, error: unknown): void;
}

export interface AppOptions {
  readonly invoke: InvokeRouteOptions;
  readonly signIn: SignInRouteOptions;
  readonly door: Door;
  readonly listener: Omit<ListenerOptions, "clock" | "stopping">;
  readonly status: StatusOptions;
  /** Undefined: the API is not described. */
  readonly apiDocument: ApiDocumentOptions | undefined;
  /** Told of errors that are ours. */
  readonly onError: (error: unknown, requestId: string) => void;
}

/** The gateway's HTTP side. Bodies arrive as the bytes they are. */
export function createApp(options: AppOptions): FastifyInstance {
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
    serverFactory: serverFactory({
      ...options.listener,
      clock: options.invoke.clock,
      stopping: options.status.stopping,
    }),
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));

  app.addHook("onRequest", (request, reply, done) => {
    if (!request.is404 || isLambdas(request)) return done();
    // Before fastify reads anything of the body, and without `done`: the rest is the door's.
    elsewhere(request, reply);
  });
  app.setErrorHandler((error, request, reply) => {
    if (!isLambdas(request)) {
      reply.hijack();
      options.door.refuse(request.raw, reply.raw, request.id, error);
      return;
    }
    const told = toLambdaError(error);
    if (told.status === 500) options.onError(error, request.id);
    reply.hijack();
    new Reply(reply.raw, request.id).error(told);
  });
  app.setNotFoundHandler(elsewhere);

  addStatusRoutes(app, options.status);
  addInvokeRoute(app, options.invoke);
  addSignInRoutes(app, options.signIn);
  if (options.apiDocument !== undefined) addApiDocumentRoutes(app, options.apiDocument);
  return app;

  function elsewhere(request: FastifyRequest, reply: FastifyReply): void {
    reply.hijack();
    if (isLambdas(request)) refuse(request, reply);
    else options.door.serve(request.raw, reply.raw, request.id);
  }
}

function isLambdas({ raw }: FastifyRequest): boolean {
  return raw.url?.startsWith(lambdaPrefix) === true;
}

/** Answers what under Lambda's prefix has come to no route, or could not be read as a path at all. */
function refuse(request: FastifyRequest, reply: FastifyReply): void {
  const { method = "", url = "" } = request.raw;
  const name = unroutableName(method, url);
  const error =
    name === undefined
      ? new LambdaError("ResourceNotFoundException", `There is no ${method} ${url}`)
      : invalidName(name);
  new Reply(reply.raw, request.id).error(error);
}
